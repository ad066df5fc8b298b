// The walk, part one: arriving, the tab order, and the lists.
import { readPage } from "./browser.mjs";
import { accessible, eventRows, focused, focusIs, must, settled, until } from "./steps.mjs";

const STILL_MS = 1500;
const TAB_STOPS_MAX = 60;

/** @param {import("./walker.mjs").Walker} walker */
export async function arrive({ page, steps, shoot, open, openView }) {
  await steps.check("the health of the page is shown, and its partitions add up", async () => {
    await openView("health");
    const read = () => readPage(page);
    const sum = (/** @type {Awaited<ReturnType<typeof read>>} */ shown) =>
      shown.partitions.reduce((total, partition) => total + partition.records, 0);
    const page1 = await until(
      "the partitions' records and those of the page",
      read,
      (now) => now.totals.records > 0 && sum(now) === now.totals.records && now.phase === "live",
      60_000,
    );
    for (const one of page1.partitions) {
      const isAhead = BigInt(one.position) > BigInt(one.head);
      must(!isAhead, `partition ${one.partition}: position ${one.position}, head ${one.head}`);
    }
    return page1;
  });
  await steps.check("the page becomes live and shows rows", open);
  await steps.check("light theme is accessible", () => accessible(page));
  await shoot("light");
}

/** @param {import("./walker.mjs").Walker} walker */
export async function tabThrough({ page, steps, keys, mode }) {
  /** @type {{ name: string, ring: boolean }[]} */
  const stops = [];
  await steps.check("Tab reaches every control, in order, and leaves again", async () => {
    await page.evaluate(() => {
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    });
    for (let count = 0; count < TAB_STOPS_MAX; count += 1) {
      await keys.press("Tab");
      const at = await focused(page);
      if (at.name === "" || (stops.length > 0 && at.name === stops[0]?.name)) break;
      stops.push(at);
    }
    const names = stops.map((stop) => stop.name);
    must(stops.length < TAB_STOPS_MAX, "Tab never leaves the page");
    const wanted = [
      "Skip to the content",
      "theme",
      "help",
      "view-runs",
      "view-events",
      "view-health",
      "thread-row",
      "filter",
      "kinds",
      "trouble",
      "follow",
      "event-row",
    ];
    let from = 0;
    for (const name of wanted) {
      const at = names.indexOf(name, from);
      must(
        at >= 0,
        `${name} is not reached after ${names[from - 1] ?? "the start"}: ${names.join(", ")}`,
      );
      from = at + 1;
    }
    must(
      names.filter((name) => name === "event-row").length === 1,
      "the list has more than one tab stop",
    );
    return names;
  });
  await steps.check("every tab stop shows its focus", async () => {
    const dark = stops.filter((stop) => !stop.ring).map((stop) => stop.name);
    must(dark.length === 0, `no focus ring on: ${dark.join(", ")}`);
  });
  await steps.check("the skip link leads to the work area", async () => {
    await page.locator(".skip").focus();
    await keys.press("Enter");
    await keys.press("Tab");
    await focusIs(page, (at) => at.name === "filter");
  });
  await steps.check("passing through with Tab leaves the list following", async () => {
    await until("mode", mode, (now) => now === "follow");
  });
}

/**
 * The rows once they no longer change.
 * @param {import("playwright-core").Page} page
 */
export function atRestIn(page) {
  const idsOf = (/** @type {{ row: number }[]} */ rows) => rows.map(({ row }) => row).join();
  return settled("rows", () => eventRows(page), idsOf);
}

/** @param {import("./walker.mjs").Walker} walker */
export async function lists({ page, steps, keys, hook, shoot, mode, follow }) {
  await steps.check("p pauses: the rows stand still, and p follows again", async () => {
    await page.locator("#events-title").click();
    await keys.press("p");
    await until("mode", mode, (now) => now === "pause");
    const before = await atRestIn(page);
    const records = (await readPage(page)).totals.records;
    await page.waitForTimeout(STILL_MS);
    const after = await eventRows(page);
    must(before[0]?.row === after[0]?.row, "the first row changed while paused");
    const came = (await readPage(page)).totals.records - records;
    const badge = async () => Number(await hook("new-rows").getAttribute("data-value"));
    const newer = await until("the badge of what is new", badge, (now) => came === 0 || now > 0);
    await shoot("paused");
    await keys.press("p");
    await until("mode", mode, (now) => now === "follow");
    return { came, newer };
  });
  await steps.check(
    "arrow keys, Page, End and Home move one focus through the whole list",
    async () => {
      await keys.press("e");
      await keys.press("ArrowDown");
      await until("mode", mode, (now) => now === "hold");
      await atRestIn(page);
      const start = (await focusIs(page, (at) => (at.index ?? 0) > 0)).index ?? 0;
      for (const key of ["ArrowDown", "ArrowDown", "ArrowUp"]) await keys.press(key);
      await focusIs(page, (at) => at.index === start + 1);
      await keys.press("PageDown");
      const paged = (await focusIs(page, (at) => (at.index ?? 0) > start + 5)).index;
      await keys.press("End");
      const rowCount = Number(
        await page.locator("#events [role=grid]").getAttribute("aria-rowcount"),
      );
      await focusIs(page, (at) => at.index === rowCount - 2);
      await until(
        "rows at the end",
        () => eventRows(page),
        (rows) => rows.length > 5,
      );
      await keys.press("Home");
      await focusIs(page, (at) => at.index === 0);
      return { rowCount, paged };
    },
  );
  await steps.check(
    "a list that was scrolled keeps its place, and follows again at the top",
    async () => {
      await follow();
      await page.locator("#events [role=grid]").hover();
      await page.mouse.wheel(0, 700);
      await until("mode", mode, (now) => now === "hold");
      const before = (await atRestIn(page))[10]?.row;
      await page.waitForTimeout(STILL_MS);
      must((await eventRows(page))[10]?.row === before, "the rows moved under the reader");
      await page.mouse.wheel(0, -5000);
      await until("mode", mode, (now) => now === "follow");
    },
  );
}
