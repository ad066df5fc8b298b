// How runs and health look: themes, forced colours, narrow windows, each of them accessible.
import { accessible, atRest, must, until } from "./steps.mjs";

/** @param {import("./walker.mjs").Walker} walker */
export async function looks({ page, steps, keys, hook, shoot }) {
  const theme = (/** @type {string} */ name) =>
    page.evaluate((to) => {
      document.documentElement.dataset["theme"] = to;
    }, name);
  const show = async (/** @type {string} */ view) => {
    await hook(`view-${view}`).click();
    await until(
      "view",
      () => hook(`view-${view}`).getAttribute("aria-current"),
      (now) => now === "page",
    );
    await hook(view === "runs" ? "run-row" : "partition-row")
      .first()
      .waitFor();
    await atRest(page);
  };
  for (const view of ["runs", "health"]) {
    for (const look of ["light", "dark"]) {
      await steps.check(`D-38 ${view} in ${look} is accessible`, async () => {
        await show(view);
        await theme(look);
        await accessible(page);
        await shoot(`${view}-${look}`);
      });
    }
    await steps.check(`D-38 ${view} in forced colours is accessible`, async () => {
      await page.emulateMedia({ forcedColors: "active" });
      try {
        await show(view);
        await shoot(`${view}-forced`);
        await accessible(page);
      } finally {
        await page.emulateMedia({ forcedColors: "none" });
      }
    });
    for (const [width, height] of [
      [720, 450],
      [390, 844],
      [320, 640],
    ]) {
      await steps.check(`UX-15 ${view} at ${width}x${height} does not stick out`, async () => {
        await page.setViewportSize({ width: width ?? 0, height: height ?? 0 });
        await show(view);
        await until(
          "pixels that the page is too wide",
          () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth),
          (now) => now <= 0,
        );
        await accessible(page);
        await shoot(`${view}-${width}`);
      });
    }
    await page.setViewportSize({ width: 1440, height: 900 });
    await theme("light");
  }
  await steps.check("UX-15 every status has a shape of its own", async () => {
    await show("runs");
    const shapes = await page
      .locator("#runs [data-status]:has(path)")
      .evaluateAll((all) =>
        all
          .filter((one) => one.matches("span"))
          .map(
            (one) =>
              `${one.getAttribute("data-status")} ${one.querySelector("path")?.getAttribute("d")}`,
          ),
      );
    const different = new Set(shapes);
    const statuses = new Set(Array.from(different, (one) => one.split(" ")[0]));
    const outlines = new Set(Array.from(different, (one) => one.slice(one.indexOf(" "))));
    must(statuses.size >= 3, `only ${statuses.size} statuses are on the screen`);
    must(
      outlines.size >= statuses.size - 1,
      `${outlines.size} shapes for ${statuses.size} statuses`,
    );
    return Array.from(statuses);
  });
  await steps.check(
    "MET-14 the health view answers where it is held up, with its figures",
    async () => {
      await show("health");
      const text = (/** @type {string} */ id) => () => hook(id).innerText();
      const verdict = await until("verdict", text("health-verdict"), (now) =>
        now.startsWith("Everything works"),
      );
      await until(
        "lag of the page",
        () => hook("apply-lag").getAttribute("data-severity"),
        (now) => now === "good",
      );
      await until("relay", text("relay-status"), (now) => now.startsWith("ok"));
      const age = await until("age", text("health-age"), (now) => /new|s old/.test(now));
      await until(
        "lags",
        () => hook("relay-lag").allInnerTexts(),
        (lags) => lags.length === 4 && lags.every((lag) => lag === "0"),
      );
      await keys.press("r");
      return { verdict, age };
    },
  );
}
