// When the newest record was on the screen: for each frame that showed a later one its offset and the time after
// drawing. Ends when the offset that is asked for is there. Says READY on standard error once it looks.
import { launch } from "../browser.mjs";
import { holds } from "./watch.mjs";

export async function row({ address, last, playwright }) {
  const browser = await launch(playwright);
  try {
    const page = await browser.newPage();
    await page.goto(`${address}?view=events`, { waitUntil: "load" });
    await holds(page, () => document.querySelector('[data-testid="phase"]')?.dataset.phase === "live");
    await page.evaluate(observe, last);
    process.stderr.write("READY\n");
    await holds(page, () => globalThis.isOver === true);
    return await page.evaluate(() => globalThis.steps);
  } finally {
    await browser.close();
  }
}

function observe(last) {
  const steps = [];
  globalThis.steps = steps;
  let newest = -1;
  const drawn = new MessageChannel();
  drawn.port1.onmessage = ({ data }) => {
    steps.push([data, performance.timeOrigin + performance.now()]);
    globalThis.isOver = data >= last;
  };
  const frame = () => {
    const rows = document.querySelectorAll('[data-testid="event-row"][data-offset]');
    let offset = -1;
    for (const row of rows) offset = Math.max(offset, Number(row.dataset.offset));
    if (offset > newest) {
      newest = offset;
      // Delivered after this frame was drawn.
      drawn.port2.postMessage(offset);
    }
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}
