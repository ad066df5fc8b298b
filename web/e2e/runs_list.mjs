// The list of runs: first visit, chips, search, order, keyboard, and lines that stay where they are.
import { accessible, focusIs, must, until } from "./steps.mjs";

const COME_MS_MAX = 60_000;
const READ_MS = 4_000;
/** Of the main thread's time, with everything else the page does; on a shared machine. */
const BUSY_SHARE_MAX = 0.25;

/** @typedef {import("./walker.mjs").Walker} Walker */

/** @param {import("playwright-core").Page} page */
export function runRows(page) {
  return page.evaluate(() =>
    Array.from(document.querySelectorAll('[data-testid="run-row"][data-run]'), (row) => ({
      id: row.getAttribute("data-run") ?? "",
      thread: row.getAttribute("data-thread") ?? "",
      status: row.getAttribute("data-status") ?? "",
      top: row.getBoundingClientRect().top,
      text: row.textContent ?? "",
    })),
  );
}

/** @param {Walker} walker */
const chip = (walker, /** @type {string} */ name) =>
  walker
    .hook(`runs-${name}`)
    .getAttribute("data-value")
    .then((value) => Number(value));

/** @param {Walker} walker */
const total = (walker) =>
  walker
    .hook("runs-note")
    .getAttribute("data-total")
    .then((value) => Number(value));

/** @param {import("playwright-core").Page} page */
const inAddress = (page, /** @type {string} */ name) => new URL(page.url()).searchParams.get(name);

/** @param {Walker} walker */
export async function firstVisit(walker) {
  const { page, steps, hook, shoot } = walker;
  await steps.check("a first visit without data says what to do", async () => {
    await page.goto(walker.url, { waitUntil: "load", timeout: COME_MS_MAX });
    const words = await hook("first-visit").innerText({ timeout: COME_MS_MAX });
    must(words.includes("dashstream-relay demo"), `it says ${words}`);
    await accessible(page);
    await shoot("runs-first-visit");
    return words;
  });
}

/**
 * @param {Walker} walker
 * @param {{ all: number, failed: number, stuck: number, lossy: number }} expected
 */
export async function known(walker, expected) {
  const { page, steps, keys, shoot } = walker;
  await steps.check("STA-20 the chips count what failed, is stuck and is lossy", async () => {
    await until(
      "runs",
      () => total(walker),
      (now) => now === expected.all,
      COME_MS_MAX,
    );
    const seen = async () => ({
      all: await total(walker),
      failed: await chip(walker, "failed"),
      stuck: await chip(walker, "stuck"),
      lossy: await chip(walker, "lossy"),
    });
    return until("chips", seen, (now) => JSON.stringify(now) === JSON.stringify(expected), 15_000);
  });
  await steps.check("STA-20 every line has its status, with the rule for everybody", async () => {
    const rows = await runRows(page);
    must(rows.length > 5, `only ${rows.length} lines`);
    const rules = await page
      .locator("#runs [data-status] [role=img]")
      .evaluateAll((all) => all.map((one) => one.getAttribute("aria-label") ?? ""));
    must(
      rules.length >= rows.length && rules.every((rule) => rule.length > 10),
      "a line has no rule",
    );
    return rules[0];
  });
  await steps.check(
    "D-16 f shows the failed runs, with the node and the error in the line",
    async () => {
      await page.locator("#runs-title").click();
      await keys.press("f");
      const rows = await until(
        "failed runs",
        () => runRows(page),
        (now) => now.length === expected.failed && now.every((row) => row.status === "failed"),
      );
      await until(
        "address",
        async () => inAddress(page, "runs"),
        (now) => now === "failed",
      );
      // Where the row that had the focus is gone, the list has it: its keys work all the same.
      await focusIs(page, ({ name }) => name === "run-row" || name === "Runs");
      await shoot("runs-failed");
      await page.goBack();
      await until(
        "runs after Back",
        () => total(walker),
        (now) => now === expected.all,
      );
      return rows.map((row) => row.text.trim().replace(/\s+/g, " "));
    },
  );
  await steps.check("UX-18 / searches, and the address keeps it", async () => {
    const [first] = await until(
      "runs",
      () => runRows(page),
      (now) => now.length > 0,
      COME_MS_MAX,
    );
    const thread = first?.thread ?? "";
    await page.locator("#runs-title").click();
    await keys.press("/");
    await keys.type(thread);
    const rows = await until(
      "runs of the thread",
      () => runRows(page),
      (now) => now.length > 0 && now.every((row) => row.thread.includes(thread)),
    );
    await until(
      "address",
      async () => inAddress(page, "search"),
      (now) => now === thread,
    );
    await keys.press("ControlOrMeta+A");
    await keys.type("no such run \u2603");
    await until(
      "no run",
      () => runRows(page),
      (now) => now.length === 0,
    );
    await page.getByRole("button", { name: "Show all runs" }).click();
    await until(
      "all runs",
      () => total(walker),
      (now) => now === expected.all,
    );
    return { thread, rows: rows.length };
  });
  await steps.check("a title puts the list in order, and says so", async () => {
    const button = page.locator('#runs [data-sort="duration"]');
    await button.focus();
    await keys.press("Enter");
    const order = () => page.locator('#runs [role=columnheader]:has([data-sort="duration"])');
    await until(
      "order",
      () => order().getAttribute("aria-sort"),
      (now) => now === "descending",
    );
    await until(
      "address",
      async () => inAddress(page, "sort"),
      (now) => now === "duration",
    );
    await keys.press("Enter");
    await until(
      "order",
      () => order().getAttribute("aria-sort"),
      (now) => now === "ascending",
    );
    await page.locator('#runs [data-sort="started"]').click();
  });
  await keyboard(walker, expected);
}

/**
 * @param {Walker} walker
 * @param {{ all: number }} expected
 */
async function keyboard({ page, steps, keys }, expected) {
  await steps.check("UX-15 arrows, Page, Home and End move through the runs", async () => {
    await page.locator("#runs-title").click();
    await keys.press("r");
    await keys.press("ArrowDown");
    await keys.press("ArrowDown");
    await focusIs(page, ({ index }) => index === 2);
    await keys.press("End");
    await focusIs(page, ({ index }) => index === expected.all - 1);
    await keys.press("PageUp");
    await focusIs(page, ({ index }) => index !== null && index < expected.all - 3);
    await keys.press("Home");
    await focusIs(page, ({ index }) => index === 0);
  });
  await steps.check("x pins a run to the top, in the address too", async () => {
    await keys.press("ArrowDown");
    await focusIs(page, ({ index }) => index === 1);
    const id = await page.evaluate(() => document.activeElement?.getAttribute("data-run") ?? "");
    await keys.press("x");
    await until(
      "the first line",
      async () => (await runRows(page))[0]?.id ?? "",
      (now) => now === id,
    );
    await until(
      "address",
      async () => inAddress(page, "pins"),
      (now) => now === id,
    );
    await keys.press("Home");
    await keys.press("x");
    await until(
      "address",
      async () => inAddress(page, "pins"),
      (now) => now === null,
    );
    return id;
  });
  await steps.check("UX-18 Enter opens a run, and Back goes back to its line", async () => {
    await keys.press("r");
    await keys.press("ArrowDown");
    await keys.press("ArrowDown");
    await focusIs(page, ({ index }) => index === 2);
    const id = await page.evaluate(() => document.activeElement?.getAttribute("data-run") ?? "");
    await keys.press("Enter");
    await until(
      "address",
      async () => inAddress(page, "run"),
      (now) => now === id,
    );
    await page.goBack();
    await until(
      "the focus",
      () => page.evaluate(() => document.activeElement?.getAttribute("data-run") ?? ""),
      (now) => now === id,
    );
    return id;
  });
}

/** @param {Walker} walker */
export async function live(walker) {
  const { page, steps, keys, hook, shoot } = walker;
  await steps.check("D-15 no line moves under a reader, and what is new is counted", async () => {
    await page.locator("#runs-title").click();
    await keys.press("r");
    const before = (await runRows(page)).slice(0, 10);
    const newer = async () => Number(await hook("newer-runs").getAttribute("data-value"));
    await until("newer runs", newer, (now) => now >= 3, COME_MS_MAX);
    await page.waitForTimeout(READ_MS);
    const after = (await runRows(page)).slice(0, 10);
    const places = (/** @type {typeof before} */ rows) =>
      JSON.stringify(rows.map(({ id, top }) => [id, top]));
    must(places(before) === places(after), `${places(before)} became ${places(after)}`);
    const count = await newer();
    await shoot("runs-newer");
    await keys.press("n");
    await until("newer runs", newer, (now) => now < count);
    await until(
      "the first line",
      async () => (await runRows(page))[0]?.id,
      (now) => now !== before[0]?.id,
    );
    return { newer: count };
  });
  await steps.check("80 records a second leave the main thread free", async () => {
    await page.locator("#runs-title").click();
    await page.mouse.move(5, 5);
    const costs = await costOfUpdates(page);
    must(costs.updates > 5, `only ${costs.updates} updates`);
    must(costs.share < BUSY_SHARE_MAX, `${costs.share} of the thread's time is spent`);
    return costs;
  });
}

/**
 * How much of the main thread the page takes while the list is live, by the thread's own time.
 * @param {import("playwright-core").Page} page
 */
async function costOfUpdates(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const spentMs = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return (metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0) * 1000;
  };
  const before = await spentMs();
  const updates = await page.evaluate(async (ms) => {
    let count = 0;
    const list = document.querySelector("#runs");
    const observer = new MutationObserver(() => {
      count += 1;
    });
    if (list !== null) {
      observer.observe(list, {
        subtree: true,
        childList: true,
        attributes: true,
        characterData: true,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, ms));
    observer.disconnect();
    return count;
  }, READ_MS);
  const spent = (await spentMs()) - before;
  await session.detach();
  return { updates, spentMs: Math.round(spent), share: Number((spent / READ_MS).toFixed(3)) };
}
