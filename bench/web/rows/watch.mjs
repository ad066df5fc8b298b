// Watches the product's page from inside: when things first showed, how often the worker answered, how long frames
// took. Times are those of the page, in ms since its navigation.

/** Runs in the page before any script of its own. */
export function watch() {
  const seen = { firstRunMs: null, views: 0, frames: [], isRecording: false };
  globalThis.seen = seen;
  globalThis.Worker = class extends Worker {
    constructor(...all) {
      super(...all);
      this.addEventListener("message", ({ data }) => {
        if (data?.type === "view" && Object.keys(data.panels).length > 0) seen.views += 1;
      });
    }
  };
  const hasRun = () => document.querySelector('[data-testid="run-row"][data-run]') !== null;
  const look = new MutationObserver(() => {
    if (!hasRun()) return;
    look.disconnect();
    // What the script wrote is on the screen with the frame after it.
    requestAnimationFrame(() => requestAnimationFrame(() => (seen.firstRunMs = performance.now())));
  });
  look.observe(document, { childList: true, subtree: true });
  let lastMs = 0;
  const frame = (nowMs) => {
    if (seen.isRecording) seen.frames.push(nowMs - lastMs);
    lastMs = nowMs;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

/** Waits until a condition in the page holds, looked at every 50 ms. */
export const holds = (page, condition, timeout = 600_000) =>
  page.waitForFunction(condition, undefined, { polling: 50, timeout });

export function percentile(samples, percent) {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1);
  return sorted[at] ?? null;
}
