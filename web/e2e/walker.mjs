// What every part of the walk works with.
import { join } from "node:path";
import { eventRows, Steps, until } from "./steps.mjs";

const ARRIVE_MS_MAX = 60_000;

/**
 * @typedef {ReturnType<typeof makeWalker>} Walker
 * @param {import("playwright-core").Page} page
 * @param {string} url
 * @param {string} out folder for the screenshots
 * @param {string} view what a failed check leaves the page at
 */
export function makeWalker(page, url, out, view = "events") {
  /** @param {string} id */
  const hook = (id) => page.locator(`[data-testid="${id}"]`);
  const settled = async () => {
    await until(
      "phase",
      () => hook("phase").getAttribute("data-phase"),
      (now) => now === "live",
      ARRIVE_MS_MAX,
    );
    await until(
      "rows",
      () => eventRows(page),
      (rows) => rows.length > 5,
      ARRIVE_MS_MAX,
    );
  };
  const openView = (/** @type {string} */ name) =>
    page.goto(new URL(`?view=${name}`, url).href, { waitUntil: "load" });
  const open = async () => {
    await page.goto(new URL("?view=events", url).href, { waitUntil: "load" });
    await settled();
  };
  const mode = () => hook("follow").getAttribute("data-mode");
  const follow = async () => {
    if ((await mode()) !== "follow") await hook("follow").click();
    await until("mode", mode, (now) => now === "follow");
  };
  return {
    page,
    url,
    out,
    hook,
    openView,
    open,
    settled,
    steps: new Steps(view === "events" ? open : () => openView(view)),
    keys: page.keyboard,
    /** @param {string} name */
    shoot: (name) => page.screenshot({ path: join(out, `${name}.png`) }),
    mode,
    follow,
    selectedRow: () => hook("detail").getAttribute("data-row"),
  };
}
