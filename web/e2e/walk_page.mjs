// The walk, part three: dialogs, theme, sizes, motion.
import { join } from "node:path";
import { readPage } from "./browser.mjs";
import { accessible, must, until } from "./steps.mjs";

/** @param {import("./walker.mjs").Walker} walker */
export async function surroundings({ settled, page, steps, keys, hook, shoot, selectedRow }) {
  await steps.check("? opens the help, which keeps the focus, and Escape closes it", async () => {
    await page.locator("#events-title").click();
    await keys.press("?");
    await until(
      "help",
      () => hook("help-dialog").isVisible(),
      (now) => now,
    );
    must(
      await page.evaluate(() => document.activeElement?.closest("dialog") !== null),
      "the focus is outside",
    );
    await accessible(page);
    await shoot("help");
    await keys.press("Escape");
    await until(
      "help",
      () => hook("help-dialog").isVisible(),
      (now) => !now,
    );
  });
  await steps.check("starting over asks first, and can be cancelled", async () => {
    const before = (await readPage(page)).totals.records;
    await page.getByRole("button", { name: "Start over" }).focus();
    await keys.press("Enter");
    await until(
      "dialog",
      () => hook("restart-dialog").isVisible(),
      (now) => now,
    );
    await shoot("restart");
    await keys.press("Enter");
    await until(
      "dialog",
      () => hook("restart-dialog").isVisible(),
      (now) => !now,
    );
    must((await readPage(page)).totals.records >= before, "the records were dropped");
  });
  await steps.check("d turns the theme, and it is kept", async () => {
    const ground = () =>
      page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    await page.locator("#events-title").click();
    const light = await ground();
    await keys.press("d");
    await keys.press("d");
    must(
      (await page.locator("html").getAttribute("data-theme")) === "dark",
      "the theme is not dark",
    );
    const dark = await ground();
    must(light !== dark, `both themes have the ground ${dark}`);
    await page.reload({ waitUntil: "load" });
    must((await ground()) === dark, "the reloaded page is not dark");
    await settled();
    await page.waitForTimeout(700);
    await accessible(page);
    await shoot("dark");
    await keys.press("e");
    await keys.press("Enter");
    await until("detail", selectedRow, (now) => now !== null);
    await shoot("dark-record");
    await keys.press("Escape");
    return { light, dark };
  });
}

/** @param {import("./walker.mjs").Walker} walker */
export async function sizes({ page, steps, keys, shoot, out, selectedRow }) {
  await steps.check("at 700 pixels nothing sticks out and everything stays reachable", async () => {
    await page.setViewportSize({ width: 700, height: 900 });
    await page.waitForTimeout(300);
    const wide = await page.evaluate(
      () => document.documentElement.scrollWidth - window.innerWidth,
    );
    must(wide <= 0, `the page is ${wide} pixels too wide`);
    await accessible(page);
    await page.screenshot({ path: join(out, "narrow.png"), fullPage: true });
  });
  await steps.check("on a telephone threads are in sight", async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.waitForTimeout(300);
    const columns = [page.locator("#events [role=columnheader]", { hasText: "Thread" })];
    for (const column of columns) {
      const box = await column.boundingBox();
      must(box !== null && box.x + box.width <= 390, `it ends at ${box?.x} + ${box?.width}`);
    }
    await page.screenshot({ path: join(out, "telephone.png"), fullPage: true });
  });
  await steps.check("D20 at 1440 pixels the summary has the most room", async () => {
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.waitForTimeout(300);
    const widthOf = async (/** @type {string} */ title) => {
      const column = page.locator("#events [role=columnheader]", { hasText: title });
      return (await column.boundingBox())?.width ?? 0;
    };
    const [summary, thread] = [await widthOf("Summary"), await widthOf("Thread")];
    must(summary >= 240 && summary > thread, `summary ${summary}, thread ${thread} pixels`);
    await shoot("middle");
    return { summary, thread };
  });
  for (const [width, height] of [
    [720, 450],
    [390, 844],
    [844, 390],
    [320, 640],
  ]) {
    await steps.check(
      `D7 at ${width}x${height} a record that is opened comes into view`,
      async () => {
        await page.setViewportSize({ width: width ?? 0, height: height ?? 0 });
        await keys.press("e");
        await keys.press("Enter");
        await until("detail", selectedRow, (now) => now !== null);
        const top = async () => (await page.locator("#record").boundingBox())?.y ?? -1;
        await until("record in view", top, (now) => now >= 0 && now < (height ?? 0) - 40);
        const said = await page.locator('[role="status"]').innerText();
        must(/^Record \d+:\d+(:\d+)? opened$/.test(said), `announced: ${said}`);
        await accessible(page);
        await keys.press("Escape");
      },
    );
  }
  await steps.check("on a large screen the record stands beside the list", async () => {
    await page.setViewportSize({ width: 1920, height: 1080 });
    await keys.press("e");
    await keys.press("Enter");
    await until("detail", selectedRow, (now) => now !== null);
    const list = await page.locator("#events").boundingBox();
    const detail = await page.locator("#record").boundingBox();
    must(
      (detail?.x ?? 0) >= (list?.x ?? 0) + (list?.width ?? 0),
      "the record is not beside the list",
    );
    await shoot("large");
    await keys.press("Escape");
  });
  await steps.check("forced colours leave what is chosen to be seen", async () => {
    await page.emulateMedia({ forcedColors: "active" });
    await keys.press("e");
    await keys.press("Enter");
    await until("detail", selectedRow, (now) => now !== null);
    const outline = await page
      .locator('#events [aria-selected="true"]')
      .evaluate((row) => getComputedStyle(row).outlineStyle);
    must(outline !== "none", "the open record's row looks like every other");
    await shoot("forced-colours");
    await keys.press("Escape");
    await page.emulateMedia({ forcedColors: "none" });
  });
  await steps.check("reduced motion stops every animation", async () => {
    await page.emulateMedia({ reducedMotion: "reduce" });
    const moving = await page.evaluate(() => document.getAnimations().length);
    must(moving === 0, `${moving} animations run`);
  });
}
