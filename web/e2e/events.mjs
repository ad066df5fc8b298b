// The event list in a browser: its order, its filters and their links, places to go to, and what is saved
// of it as captures, which are opened again. Prints one JSON object; exit code 1 on any failed check or
// anything in the console.
//
//   node events.mjs --url URL --out DIR --young PARTITION:OFFSET
//
// Behind the address a relay serves the stream of e2e/tests/events_page.rs; `--young` is the first record
// of a partition that does not begin with offset 0.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { needed } from "./arguments.mjs";
import { isClean, openBrowser, readPage } from "./browser.mjs";
import { allEvents, inAddress, List } from "./events_list.mjs";
import { RunPage } from "./run_page.mjs";
import { accessible, must, Steps, until } from "./steps.mjs";

const { url, out, young } = needed("url", "out", "young");
await mkdir(out, { recursive: true });
const { page, trouble, close } = await openBrowser({ width: 1440, height: 900 });
page.setDefaultTimeout(30_000);
const keys = page.keyboard;
const list = new List(page);
const run = new RunPage(page);
const hook = (/** @type {string} */ id) => page.locator(`[data-testid="${id}"]`);
const shoot = (/** @type {string} */ name) => page.screenshot({ path: join(out, `${name}.png`) });
/** @param {string} search */
async function cold(search) {
  await page.goto(`${url}${search}`, { waitUntil: "load" });
  await list.loaded();
}
const steps = new Steps(() => cold("?view=events"));

await cold("?view=events");
await steps.check("X34 D6 newest first is by time, over all partitions", async () => {
  const times = async () =>
    (await allEvents(page)).map((row) => row.time).filter((at) => at !== "");
  const sorted = (/** @type {string[]} */ all) => all.toSorted();
  const newest = await times();
  must(newest.length > 100, `${newest.length} rows`);
  must(newest.join() === sorted(newest).toReversed().join(), "the newest is not first");
  await hook("order").selectOption("oldest");
  await until("address", inAddress(page, "order"), (now) => now === "oldest");
  const oldest = await times();
  must(oldest.join() === sorted(oldest).join(), "the oldest is not first");
  await hook("order").selectOption("last-arrival");
  const arrived = await times();
  must(arrived.length === newest.length, `${arrived.length} rows`);
  must(arrived.join() !== newest.join(), "history came in the order of time");
  await hook("order").selectOption("newest");
  await accessible(page);
  await shoot("newest");
  return newest.length;
});
await steps.check("a click on a value filters by it, with a chip that is taken off", async () => {
  for (const what of ["thread", "node", "type"]) {
    const all = await list.total();
    const value = page.locator(`#events [data-pick="${what}"]:not(:empty)`).first();
    const name = (await value.innerText()).trim();
    await value.click();
    const chip = what === "type" ? "clear-types" : `clear-${what}`;
    await hook(chip).waitFor();
    await until(
      "fewer rows",
      () => list.total(),
      (now) => now > 0 && now < all,
    );
    const rows = await allEvents(page);
    must(
      rows.every((row) => row[/** @type {"thread"} */ (what)] === name),
      `${what} ${name}: ${JSON.stringify(rows.find((row) => row[/** @type {"thread"} */ (what)] !== name))}`,
    );
    await hook(chip).click();
    await until(
      "all rows",
      () => list.total(),
      (now) => now === all,
    );
  }
});
await steps.check("D19 the text filter searches types and summaries too", async () => {
  await page.locator("#event-filter").fill("node_start");
  const rows = await until(
    "rows",
    () => allEvents(page),
    (now) => now.length > 0 && now.every((row) => row.type === "NODE_START"),
  );
  await page.locator("#event-filter").fill("");
  return rows.length;
});
await steps.check(
  "a run and an attempt of it narrow the list, and the link does so from cold; one goes back",
  async () => {
    await keys.press("Escape");
    await page.goto(`${url}?runs=failed`, { waitUntil: "load" });
    const row = hook("run-row").first();
    await row.waitFor();
    const address = (await row.getAttribute("data-run")) ?? "";
    await row.focus();
    await keys.press("Enter");
    await hook("run-events").click();
    await hook("clear-run").waitFor();
    await list.loaded();
    const whole = await allEvents(page);
    must(new Set(whole.map((event) => event.thread)).size === 1, "events of other threads");
    must(
      whole.some((event) => `${event.position}:${event.index}` === address),
      `the first event of the run, ${address}, is not among ${whole.length}`,
    );
    await accessible(page);
    await shoot("run");
    const link = page.url();
    await page.goto("about:blank");
    await page.goto(link, { waitUntil: "load" });
    const again = await until(
      "the same rows",
      () => allEvents(page),
      (now) => now.length === whole.length,
      60_000,
    );
    must(list.digest(again) === list.digest(whole), "the link shows other rows");
    await page.goBack();
    await page.goto(`${url}?run=${address}`, { waitUntil: "load" });
    await hook("waterfall").waitFor();
    await until(
      "lines",
      () => run.total(),
      (total) => total > 1,
    );
    const attempt = (await run.allRows()).find((line) => line.kind === "attempt");
    await run.select(attempt?.index ?? 0);
    await hook("attempt-events").click();
    const fewer = await until(
      "events of the attempt",
      () => allEvents(page),
      (now) => now.length > 0 && now.length < whole.length,
    );
    const within = inAddress(page, "within");
    const narrowed = await until("address", within, (now) => /^\d+:\d+:\d+:\d+$/u.test(now ?? ""));
    await hook("open-run").click();
    await hook("waterfall").waitFor();
    await until("address", inAddress(page, "run"), (now) => now === address);
    await page.goBack();
    await hook("clear-run").waitFor();
    await until("address", within, (now) => now === narrowed);
    await page.goBack();
    await hook("waterfall").waitFor();
    await until("address", within, (now) => now === null);
    return { run: whole.length, attempt: fewer.length };
  },
);
await steps.check("one goes to an offset, and the record opens there", async () => {
  await cold("?view=events");
  const rows = await allEvents(page);
  const wanted = rows[Math.floor(rows.length / 2)];
  must(wanted !== undefined, "no rows");
  await page.locator("#events-title").click();
  await keys.press("g");
  await keys.type(`${wanted?.position}:${wanted?.index}`);
  await keys.press("Enter");
  await hook("detail").waitFor();
  const chosen = page.locator('[data-testid="event-row"][aria-selected="true"]');
  await chosen.waitFor();
  await until(
    "row in view",
    () => list.isSeen(chosen),
    (now) => now,
  );
  const link = page.url();
  await page.goto("about:blank");
  await page.goto(link, { waitUntil: "load" });
  await chosen.waitFor();
  await until(
    "row in view",
    () => list.isSeen(chosen),
    (now) => now,
  );
  await accessible(page);
  await shoot("offset");
  return link;
});
await steps.check("one goes to a time", async () => {
  await cold("?view=events&order=oldest");
  const rows = await allEvents(page);
  const wanted = rows[Math.floor(rows.length / 3)];
  const first = rows.find((row) => row.time === wanted?.time);
  await hook("jump").fill(`T${(wanted?.time ?? "").split(" ").at(-1)}`);
  await keys.press("Enter");
  const row = page.locator(`[data-testid="event-row"][data-index="${first?.at}"][data-row]`);
  await row.waitFor();
  await until(
    "row in view",
    () => list.isSeen(row),
    (now) => now,
  );
  return wanted?.time;
});
await steps.check("what is older than what is held says so, by jump and from cold", async () => {
  const [partition = "", first = ""] = young.split(":");
  await hook("jump").fill(`${partition}:5`);
  await keys.press("Enter");
  const words = `partition ${partition} begins with offset ${first}`;
  await until(
    "sentence",
    () => hook("landing").innerText(),
    (now) => now.includes(words),
  );
  await hook("jump").fill(`${partition}:99999999`);
  await keys.press("Enter");
  await until(
    "sentence",
    () => hook("landing").innerText(),
    (now) => now.includes("not come yet"),
  );
  await hook("jump").fill("2001-01-01");
  await keys.press("Enter");
  await until(
    "sentence",
    () => hook("landing").innerText(),
    (now) => now.includes("oldest row"),
  );
  await accessible(page);
  await shoot("older");
  await cold(`?view=events&at=${partition}:5`);
  const gone = await until(
    "sentence",
    () => hook("gone").innerText(),
    (now) => now.includes(words),
  );
  must(gone.includes("the relay had nothing older"), gone);
  await shoot("gone");
  await keys.press("Escape");
  return gone;
});
await steps.check(
  "a record leads to its place in the list, with everything around it",
  async () => {
    await cold("?view=events&types=error");
    await page.locator('[data-testid="event-row"][data-row] .position').first().click();
    await hook("show-in-list").click();
    await until(
      "all rows",
      () => inAddress(page, "types")(),
      (now) => now === null,
    );
    const chosen = page.locator('[data-testid="event-row"][aria-selected="true"]');
    await until(
      "row in view",
      () => list.isSeen(chosen),
      (now) => now,
    );
    const kinds = (await allEvents(page, 40)).map((row) => row.type);
    must(
      kinds.some((type) => type !== "error"),
      "only errors are around it",
    );
    await keys.press("Escape");
  },
);
await steps.check("D10 a record of another thread than the filter's says so", async () => {
  await cold("?view=events");
  await page.locator('[data-testid="event-row"][data-kind="event"] .position').first().click();
  await hook("detail").waitFor();
  await until(
    "facts",
    () => hook("detail").locator("dl").innerText(),
    (facts) => ["Type", "Thread", "Node"].every((line) => facts.includes(line)),
  );
  const thread = (await hook("record-thread").innerText()).trim();
  await hook("filter-thread").click();
  await hook("clear-thread").waitFor();
  await until("address", inAddress(page, "thread"), (now) => now === thread);
  await hook("clear-thread").click();
  const threads = page.locator(`[data-testid="thread-row"]:not(:has-text("${thread}"))`);
  await threads.first().click();
  await hook("clear-thread").waitFor();
  await until(
    "note",
    () => hook("elsewhere").innerText(),
    (now) => now.includes("another thread"),
  );
  await shoot("another-thread");
  await keys.press("Escape");
});
for (const width of [1280, 1440, 1920])
  await steps.check(
    `D20 at ${width} pixels the summary has most room, sizes are shown`,
    async () => {
      await page.setViewportSize({ width, height: 900 });
      await cold("?view=events&types=gap,reject,event");
      const room = Object.fromEntries(
        await page
          .locator("#events [role=columnheader]")
          .evaluateAll((titles) =>
            titles.map((title) => [
              (title.textContent ?? "").split(" ")[0],
              Math.round(title.getBoundingClientRect().width),
            ]),
          ),
      );
      const others = Object.entries(room).filter(([name]) => name !== "Summary");
      must(
        others.every(([, wide]) => wide < room["Summary"]),
        JSON.stringify(room),
      );
      must(room["Size"] > 0, `no sizes: ${JSON.stringify(room)}`);
      await cold("?view=events&types=gap,reject");
      const left = (/** @type {string} */ css) =>
        page
          .locator(css)
          .first()
          .evaluate((cell) => Math.round(cell.getBoundingClientRect().left));
      const cause = await left("#events .cause");
      const summary = await left("#events [role=columnheader].summary");
      must(
        Math.abs(cause - summary) < 3,
        `the cause begins at ${cause}, the summary at ${summary}`,
      );
      await shoot(`columns-${width}`);
      return room;
    },
  );
await page.setViewportSize({ width: 1440, height: 900 });

/** @type {{ name: string, file: string, search: string, rows: number, words: string, run: string }[]} */
const saved = [];
/**
 * Saves what a list shows and opens it again.
 * @param {string} name @param {string} search
 */
async function roundTrip(name, search) {
  await cold(`?view=events&digest=1${search}`);
  const rows = await allEvents(page);
  const before = (await readPage(page)).totals;
  const coming = page.waitForEvent("download");
  await hook("save-capture").click();
  const file = join(out, `${name}.dscap`);
  await (await coming).saveAs(file);
  const words = await until(
    "what was saved",
    () => hook("saved").innerText(),
    (now) => now !== "",
  );
  await page
    .locator("#open-capture-file, [data-testid=open-capture-file]")
    .first()
    .setInputFiles(file);
  await until(
    "capture",
    () => hook("capture").getAttribute("data-state"),
    (now) => now === "done",
  );
  await until(
    "rows",
    () => list.total(),
    (now) => now === rows.length,
  );
  const again = await allEvents(page);
  must(
    list.digest(again) === list.digest(rows),
    `other rows of ${again.length} and ${rows.length}`,
  );
  const leftOut = (await hook("left-out").count()) === 0 ? "" : await hook("left-out").innerText();
  must(search === "" || leftOut !== "", "what was left out is not said");
  must(search !== "" || leftOut === "", leftOut);
  await shoot(`saved-${name}`);
  const run = await inAddress(page, "within")();
  saved.push({ name, file, search, rows: rows.length, words, run: run ?? "" });
  return { before, after: (await readPage(page)).totals, leftOut, words };
}
await steps.check("D-30 all that is held is saved, and opened again it is the same", async () => {
  const { before, after } = await roundTrip("all", "");
  must(JSON.stringify(before) === JSON.stringify(after), JSON.stringify({ before, after }));
  await accessible(page);
});
await steps.check("D-30 a filter is saved as it is, and what it leaves out is said", async () => {
  await cold("?view=events");
  const rows = await allEvents(page);
  const thread = rows.find((row) => row.type === "GRAPH_END")?.thread ?? "";
  await roundTrip("thread", `&thread=${encodeURIComponent(thread)}`);
  await roundTrip("types", "&types=error,gap,reject,NODE_START");
  await roundTrip("problems", "&problems=1");
  return roundTrip("text", "&filter=node_s&order=oldest");
});
await steps.check("D-30 a run is saved with its thread, and is the same run again", async () => {
  await page.goto(`${url}?runs=failed`, { waitUntil: "load" });
  const row = hook("run-row").first();
  await row.waitFor();
  const address = (await row.getAttribute("data-run")) ?? "";
  const result = await roundTrip("run", `&within=${address}`);
  const attempt = await roundTrip("attempt", `&within=${address}:0`);
  must(result.leftOut.includes("judged beside the others"), result.leftOut);
  await page.goto("about:blank");
  return { result, attempt };
});
await close();
const ok = steps.ok && isClean(trouble);
process.stdout.write(
  `${JSON.stringify({ ok, checks: steps.results, saved, ...trouble }, null, 2)}\n`,
);
process.exitCode = ok ? 0 : 1;
