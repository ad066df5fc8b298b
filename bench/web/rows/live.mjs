// What the page's threads do at a steady rate, or while everything comes at once.
import { launch } from "../browser.mjs";
import { traced } from "../trace.mjs";
import { holds, watch } from "./watch.mjs";

const isLive = () => document.querySelector('[data-testid="phase"]')?.dataset.phase === "live";

export async function row({ address, view, seconds, playwright }) {
  const browser = await launch(playwright);
  try {
    const page = await browser.newPage();
    await page.addInitScript(watch);
    const seen = () =>
      page.evaluate(() => ({
        views: globalThis.seen.views,
        records: Number(
          document.querySelector('[data-testid="total-records"]')?.dataset.value ?? "0",
        ),
      }));
    const url = `${address}?view=${view}`;
    if (seconds === 0) {
      const { worked, ...threads } = await traced(browser, page, async () => {
        await page.goto(url, { waitUntil: "commit" });
        await holds(page, isLive);
        return seen();
      });
      return { ...threads, ...worked };
    }
    await page.goto(url, { waitUntil: "load" });
    await holds(page, isLive);
    await page.waitForTimeout(2_000);
    const { worked, ...threads } = await traced(browser, page, async () => {
      const before = await seen();
      await page.waitForTimeout(seconds * 1_000);
      const after = await seen();
      return { views: after.views - before.views, records: after.records - before.records };
    });
    return { ...threads, ...worked };
  } finally {
    await browser.close();
  }
}
