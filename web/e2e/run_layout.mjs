// The run panel's split, the clock of its axis, and the words of its lines.
import { must, until } from "./steps.mjs";

const ROW_PX = 26;

/**
 * @param {import("./steps.mjs").Steps} steps
 * @param {import("playwright-core").Page} page
 * @param {import("./run_page.mjs").RunPage} run
 * @param {(thread: string, status: string) => Promise<void>} open
 */
export async function layout(steps, page, run, open) {
  const heightOf = async (/** @type {string} */ hook) =>
    (await run.hook(hook).boundingBox())?.height ?? 0;
  await steps.check("UX-15 the split moves by keys and by drag, and is kept", async () => {
    await open("cap-stream-fail", "failed");
    const bar = run.hook("split-run");
    const before = await heightOf("waterfall");
    must(before >= 9 * ROW_PX, `only ${before} pixels of lines at first`);
    await bar.focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    const more = await until(
      "more lines",
      () => heightOf("waterfall"),
      (height) => height > before + 20,
    );
    must((await bar.getAttribute("aria-valuenow")) === "70", "its value is not said");
    const box = await bar.boundingBox();
    if (box === null) throw new Error("no bar");
    await page.mouse.move(box.x + 40, box.y + 4);
    await page.mouse.down();
    await page.mouse.move(box.x + 40, box.y - 120, { steps: 4 });
    await page.mouse.up();
    const less = await until(
      "fewer lines",
      () => heightOf("waterfall"),
      (height) => height < more - 80,
    );
    await page.reload({ waitUntil: "load" });
    await run.hook("waterfall").waitFor({ timeout: 60_000 });
    const kept = await until(
      "kept",
      () => heightOf("waterfall"),
      (height) => Math.abs(height - less) < 12,
    );
    await bar.dblclick();
    await until(
      "put back",
      () => heightOf("waterfall"),
      (height) => Math.abs(height - before) < 12,
    );
    return { before, more, less, kept };
  });
  await steps.check("X35 TIM-04 the axis says whose clock it is, and from when", async () => {
    const words = await run.text("axis-clock");
    must(/^producer's clock, from \S.* UTC(?:[+-]\d+)?$/.test(words), words);
    await run.focusRow(1);
    const which = await run.text("iteration");
    must(/execution/.test(which), which);
    return { words, which };
  });
}
