// A large run: opened from the list, then panned and zoomed by the keys of the page.
import { launch } from "../browser.mjs";
import { holds, percentile, watch } from "./watch.mjs";

/** Keys that pan and zoom, in turn; each round ends where it began. */
const KEYS = ["w", "w", "w", "d", "d", "a", "a", "s", "s", "s"];
const ROUNDS = 6;
const PRESS_MS = 40;

export async function row({ address, playwright }) {
  const browser = await launch(playwright);
  try {
    const page = await browser.newPage();
    await page.addInitScript(watch);
    await page.goto(address, { waitUntil: "load" });
    await holds(page, () => document.querySelector('[data-testid="phase"]').dataset.phase === "live");
    const line = page.locator('[data-testid="run-row"][data-run]').first();
    await line.waitFor();
    await page.waitForTimeout(1_000);
    await page.evaluate(observeOpening);
    await line.click();
    await holds(page, () => globalThis.seen.openedMs !== undefined);
    const [openMs, held] = await page.evaluate(() => {
      const { openedMs, clickedMs, lines } = globalThis.seen;
      return [openedMs - clickedMs, lines];
    });
    await page.waitForTimeout(1_000);
    await page.getByTestId("waterfall").focus();
    await page.evaluate(() => (globalThis.seen.isRecording = true));
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const key of KEYS) {
        await page.keyboard.press(key);
        await page.waitForTimeout(PRESS_MS);
      }
    }
    const frames = await page.evaluate(() => globalThis.seen.frames);
    const [p50Ms, p99Ms, maxMs] = [50, 99, 100].map((percent) => percentile(frames, percent));
    return { openMs, held, frames: frames.length, p50Ms, p99Ms, maxMs };
  } finally {
    await browser.close();
  }
}

/** Notes the click, and the first frame after which all lines of the run are known and those on the screen are drawn. */
function observeOpening() {
  const { seen } = globalThis;
  document.addEventListener("click", () => (seen.clickedMs ??= performance.now()), { capture: true });
  const isDrawn = () => {
    const view = document.querySelector('[data-testid="waterfall"]');
    const name = view?.querySelector("[data-index] .name bdi");
    seen.lines = Number(view?.dataset.total ?? 0);
    return seen.lines > 1 && (name?.textContent ?? "") !== "";
  };
  const look = () => {
    if (seen.clickedMs !== undefined && isDrawn()) {
      requestAnimationFrame(() => (seen.openedMs = performance.now()));
      return;
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}
