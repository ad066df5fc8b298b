// From navigation to the first run on the screen: a new browser, nothing cached, a relay that holds the records.
import { launch } from "../browser.mjs";
import { holds, watch } from "./watch.mjs";

export async function row({ address, playwright }) {
  const browser = await launch(playwright);
  try {
    const page = await browser.newPage();
    await page.addInitScript(watch);
    await page.goto(address, { waitUntil: "commit" });
    await holds(page, () => globalThis.seen.firstRunMs !== null);
    const firstMs = await page.evaluate(() => globalThis.seen.firstRunMs);
    await holds(page, () => document.querySelector('[data-testid="phase"]').dataset.phase === "live");
    return { firstMs, wholeMs: await page.evaluate(() => performance.now()) };
  } finally {
    await browser.close();
  }
}
