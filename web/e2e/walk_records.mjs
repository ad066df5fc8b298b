// The walk, part two: one record in full, filters and threads.
import { readPage } from "./browser.mjs";
import { atRestIn } from "./walk_lists.mjs";
import { accessible, copiedBy, eventRows, focusIs, messageLines, must, until } from "./steps.mjs";

const TROUBLES = ["gap", "reject"];

/** @param {import("./walker.mjs").Walker} walker */
export async function record({ page, steps, keys, hook, shoot, mode, selectedRow }) {
  await steps.check("Enter opens the row's record, arrows go on to the next", async () => {
    await page.locator("#events-title").click();
    if ((await mode()) === "follow") await keys.press("p");
    await until("mode", mode, (now) => now !== "follow");
    await keys.press("e");
    const rows = await atRestIn(page);
    const at = rows.findIndex((row) => !TROUBLES.includes(row.kind));
    must(at >= 0, "no decodable row is on the screen");
    for (let step = 0; step < at; step += 1) await keys.press("ArrowDown");
    const row = await until(
      "the focused row",
      () => page.evaluate(() => document.activeElement?.getAttribute("data-row")),
      (now) => now === String(rows[at]?.row),
    );
    await keys.press("Enter");
    await until("detail", selectedRow, (now) => now === row);
    const lines = await until(
      "lines of the message",
      () => messageLines(page),
      (now) => now.length > 2,
    );
    must(lines[0]?.level === 1 && lines[1]?.level === 2, "the message is no tree");
    await keys.press("ArrowDown");
    await until("detail", selectedRow, (now) => now !== row && now !== null);
    await shoot("record");
    return { row, lines: lines.length };
  });
  await steps.check(
    "X31 ids are UUIDs, times have a date and a zone, paths can be copied",
    async () => {
      await hook("message-search").fill("messageId");
      const found = page.locator('[data-testid="json"] .found');
      await until(
        "hit",
        () => found.count(),
        (count) => count === 1,
      );
      const id = await until(
        "id",
        () => found.innerText(),
        (now) => /"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"/.test(now),
      );
      await found.click();
      const pointer = () => hook("pointer").innerText();
      const path = await until("pointer", pointer, (now) => now.endsWith("/header/messageId"));
      const copied = await copiedBy(page, hook("copy-path"));
      must(copied === path, `copied ${copied}, shown ${path}`);
      await hook("message-search").fill("timestampUs");
      const time = await until(
        "time",
        () => found.innerText(),
        (now) => now.includes("timestampUs"),
      );
      must(/\d{4}-\d{2}-\d{2} .*UTC/.test(time), `the time reads ${time}`);
      await hook("message-search").fill("");
      return { id, time };
    },
  );
  await steps.check("the bytes are shown in hex, and both copies work", async () => {
    await hook("tab-decoded").focus();
    const json = JSON.parse(await copiedBy(page, hook("copy")));
    // The hit of the search before may be far below the first line.
    await page.locator('[data-testid="json"] [tabindex="0"]').first().focus();
    await keys.press("Home");
    const lines = await until(
      "first line",
      () => messageLines(page),
      (now) => now[0]?.level === 1,
    );
    const shown = lines.filter((line) => line.level === 1);
    must(
      Object.keys(json).join() === shown.map((line) => line.key).join(),
      `copied ${Object.keys(json).join()}, shown ${JSON.stringify(shown)}`,
    );
    await accessible(page);
    await hook("tab-decoded").focus();
    await keys.press("ArrowRight");
    await until(
      "hex",
      () => hook("hex").count(),
      (count) => count === 1,
    );
    const hex = await until(
      "first line",
      async () => (await hook("hex").locator("tbody tr").first().textContent()) ?? "",
      (now) => /^00000000([0-9a-f]{2} +){3}/.test(now),
    );
    const copied = await copiedBy(page, hook("copy"));
    must(copied.startsWith("00000000  "), `copied ${copied.slice(0, 40)}`);
    await accessible(page);
    await shoot("bytes");
    return hex;
  });
  await steps.check("Escape closes the record and gives the focus back", async () => {
    await hook("tab-bytes").focus();
    await keys.press("Escape");
    await until(
      "open records",
      () => hook("detail").count(),
      (now) => now === 0,
    );
    await until(
      "address",
      async () => new URL(page.url()).searchParams.get("at"),
      (now) => now === null,
    );
    await focusIs(page, (at) => at.name === "event-row");
  });
}

/** @param {import("./walker.mjs").Walker} walker */
export async function links({ page, steps, keys, hook, follow, selectedRow, settled }) {
  await steps.check("D11 the list follows again after Escape at its top", async () => {
    await follow();
    await keys.press("e");
    await keys.press("Enter");
    await until("detail", selectedRow, (now) => now !== null);
    await keys.press("Escape");
    const mode = () => hook("follow").getAttribute("data-mode");
    await until("mode", mode, (now) => now === "follow");
  });
  await steps.check("D18 a record has a link that opens it from cold", async () => {
    await keys.press("e");
    await keys.press("Enter");
    await until("detail", selectedRow, (now) => now !== null);
    const link = await copiedBy(page, hook("copy-link"));
    const at = new URL(link).searchParams.get("at") ?? "";
    must(/^\d+:\d+(:\d+)?$/.test(at), `the link is ${link}`);
    const before = page.url();
    await page.goto(link, { waitUntil: "load" });
    await settled();
    await until("detail", selectedRow, (now) => now !== null && now !== "-1");
    const [partition, offset] = at.split(":");
    const wanted = new RegExp(`Partition\\s+${partition}\\s+Offset\\s+${offset}\\b`);
    await until(
      `what at=${at} opened`,
      () => hook("detail").locator("dl").innerText(),
      (facts) => wanted.test(facts),
    );
    await keys.press("Escape");
    return { link, before };
  });
  await steps.check("D18 a click on a thread filters by it, and Back takes it back", async () => {
    // In a list that follows, the first row may be another one between a look and a click.
    await follow();
    await hook("follow").click();
    await until(
      "mode",
      () => hook("follow").getAttribute("data-mode"),
      (now) => now === "pause",
    );
    await atRestIn(page);
    const thread = page.locator('#events [data-pick="thread"]:not(:empty)').first();
    const name = await thread.innerText();
    await thread.click();
    const inAddress = async () => new URL(page.url()).searchParams.get("thread");
    await until("address", inAddress, (now) => now === name);
    must((await hook("detail").count()) === 0, "the record was opened");
    await page.goBack();
    await until("address", inAddress, (now) => now === null);
    await until(
      "chip",
      () => hook("clear-thread").count(),
      (count) => count === 0,
    );
    await follow();
    return name;
  });
  await steps.check("D2 the connection's state is announced", async () => {
    const said = () => page.locator('[role="status"]').innerText();
    await page.reload({ waitUntil: "load" });
    await until("announcement", said, (now) => now.includes("Connection: Live"), 30_000);
    await settled();
  });
  await steps.check("D1 every hop on the way of a record is good", async () => {
    const tones = () =>
      hook("hop").evaluateAll((hops) =>
        hops.map((hop) => `${hop.getAttribute("data-hop")}: ${hop.getAttribute("data-tone")}`),
      );
    await until(
      "hops",
      tones,
      (now) => now.length === 4 && now.every((one) => one.endsWith("good")),
      30_000,
    );
    return hook("verdict").innerText();
  });
}

/** @param {import("./walker.mjs").Walker} walker */
export async function narrow({ page, steps, keys, hook, shoot, selectedRow }) {
  await steps.check("the filter narrows the list and is in the address", async () => {
    const thread =
      (await eventRows(page)).map((row) => row.cells[3] ?? "").find((text) => text !== "") ?? "";
    must(thread !== "", "no row with a thread is on the screen");
    await keys.press("/");
    await keys.type(thread);
    const rows = await until(
      "rows of the thread",
      () => eventRows(page),
      (now) =>
        now.length > 0 && now.every((row) => `${row.cells[3]} ${row.cells[4]}`.includes(thread)),
    );
    await until(
      "address",
      async () => new URL(page.url()).searchParams.get("filter"),
      (now) => now === thread,
    );
    await shoot("filtered");
    await keys.press("ControlOrMeta+A");
    await keys.press("Delete");
    await until(
      "address",
      async () => new URL(page.url()).searchParams.get("filter"),
      (now) => now === null,
    );
    return { thread, rows: rows.length };
  });
  await steps.check("a text that matches nothing says so", async () => {
    await keys.type("no such thread \u2603");
    await until(
      "rows",
      () => eventRows(page),
      (rows) => rows.length === 0,
    );
    await page.getByRole("button", { name: "Clear the filter" }).click();
    await until(
      "rows",
      () => eventRows(page),
      (rows) => rows.length > 0,
    );
  });
  await steps.check("kinds narrow the list", async () => {
    await hook("kinds").focus();
    await keys.press("Enter");
    await page.locator('input[data-kind="state_diff"]').focus();
    await keys.press("Space");
    await until(
      "kinds",
      () => eventRows(page),
      (rows) => rows.every((row) => row.kind === "state_diff"),
    );
    await accessible(page);
    await shoot("kinds");
    await keys.press("Space");
    await keys.press("Escape");
    await focusIs(page, (at) => at.name === "kinds");
  });
  await steps.check("problems only: failures, and rejects and gaps with their cause", async () => {
    const { totals } = await readPage(page);
    await hook("trouble").focus();
    await keys.press("Space");
    const rows = await until(
      "trouble rows",
      () => eventRows(page),
      (now) =>
        now.every((row) => row.newer || row.failure || TROUBLES.includes(row.kind)) &&
        now.length >= Math.min(1, totals.rejects),
    );
    if (rows.length > 0) {
      await keys.press("e");
      await keys.press("Enter");
      await until("detail", selectedRow, (now) => now !== null);
      await shoot("trouble");
      await keys.press("Escape");
    }
    await hook("trouble").focus();
    await keys.press("Space");
    return { rows: rows.length, totals };
  });
}

/** @param {import("./walker.mjs").Walker} walker */
export async function threads({ page, steps, keys, hook, shoot, follow }) {
  await steps.check("a thread chosen by keyboard filters the events", async () => {
    await follow();
    await page.locator("#events-title").click();
    await keys.press("t");
    await focusIs(page, (at) => at.name === "thread-row");
    const name = await page.evaluate(
      () => document.activeElement?.getAttribute("data-thread") ?? "",
    );
    await keys.press("Enter");
    await until(
      "rows",
      () => eventRows(page),
      (rows) => rows.length > 0 && rows.every((row) => row.cells[3] === name),
    );
    await until(
      "address",
      async () => new URL(page.url()).searchParams.get("thread"),
      (now) => now === name,
    );
    await shoot("thread");
    await hook("clear-thread").focus();
    await keys.press("Enter");
    await until(
      "address",
      async () => new URL(page.url()).searchParams.get("thread"),
      (now) => now === null,
    );
    return name;
  });
  await steps.check("threads are sorted by name and by records", async () => {
    const rows = () =>
      page.evaluate(() =>
        Array.from(document.querySelectorAll('[data-testid="thread-row"][data-thread]'), (row) => ({
          name: row.getAttribute("data-thread") ?? "",
          records: Number(row.getAttribute("data-records")),
        })),
      );
    await page.getByRole("button", { name: "Records", exact: true }).click();
    await until("order", rows, (now) =>
      now.every((row, at) => at === 0 || (now[at - 1]?.records ?? 0) >= row.records),
    );
    await page.getByRole("button", { name: "Name", exact: true }).click();
    await until("order", rows, (now) =>
      now.every((row, at) => at === 0 || (now[at - 1]?.name ?? "") <= row.name),
    );
    await page.getByRole("button", { name: "Recent", exact: true }).click();
  });
}
