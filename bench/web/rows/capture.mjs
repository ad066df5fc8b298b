// A capture opened on a page with no relay behind it: from the choice of the file to its first run on the screen,
// and to its last record.
import { launch } from "../browser.mjs";
import { serveFolder } from "../../../web/e2e/static.mjs";
import { holds, watch } from "./watch.mjs";

export async function row({ capture, dist, playwright }) {
  const server = await serveFolder(dist);
  const browser = await launch(playwright);
  try {
    const page = await browser.newPage();
    await page.addInitScript(watch);
    await page.goto(server.url, { waitUntil: "load" });
    await holds(page, () => document.querySelector('[data-testid="phase"]')?.dataset.phase !== undefined);
    await page.evaluate(() => {
      const chosen = () => (globalThis.seen.chosenMs = performance.now());
      document.addEventListener("change", chosen, { capture: true });
    });
    await page.getByTestId("open-capture-file").setInputFiles(capture);
    const state = () => document.querySelector('[data-testid="capture"]')?.dataset.state === "done";
    await holds(page, state);
    return await page.evaluate(() => {
      const { chosenMs, firstRunMs } = globalThis.seen;
      return { firstMs: firstRunMs - chosenMs, wholeMs: performance.now() - chosenMs };
    });
  } finally {
    await browser.close();
    server.close();
  }
}
