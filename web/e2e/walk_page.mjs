// The walk, part three: dialogs, theme, sizes, motion.
import { join } from "node:path";
import { readPage } from "./browser.mjs";
import { accessible, atRest, must, until } from "./steps.mjs";

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
    await until(
      "the focus is in the dialog",
      () => page.evaluate(() => document.activeElement?.closest("dialog") !== null),
      (now) => now,
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
    await until(
      "theme",
      () => page.locator("html").getAttribute("data-theme"),
      (now) => now === "dark",
    );
    await atRest(page);
    const dark = await ground();
    must(light !== dark, `both themes have the ground ${dark}`);
    await page.reload({ waitUntil: "load" });
    await until("ground", ground, (now) => now === dark);
    await settled();
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
    await until(
      "pixels that the page is too wide",
      () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth),
      (now) => now <= 0,
    );
    await accessible(page);
    await page.screenshot({ path: join(out, "narrow.png"), fullPage: true });
  });
  await steps.check("on a telephone threads are in sight", async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    const columns = [page.locator("#events [role=columnheader]", { hasText: "Thread" })];
    for (const column of columns) {
      await until(
        "box",
        () => column.boundingBox(),
        (box) => box !== null && box.x + box.width <= 390,
      );
    }
    await page.screenshot({ path: join(out, "telephone.png"), fullPage: true });
  });
  await steps.check("D20 at 1440 pixels the summary has the most room", async () => {
    await page.setViewportSize({ width: 1440, height: 900 });
    await atRest(page);
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
        await until(
          "announcement",
          () => page.locator('[role="status"]').innerText(),
          (now) => /^Record \d+:\d+(:\d+)? opened$/.test(now),
        );
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
    const boxes = async () => ({
      list: await page.locator("#events").boundingBox(),
      record: await page.locator("#record").boundingBox(),
    });
    await until(
      "the list, and the record beside it",
      boxes,
      ({ list, record }) => list !== null && record !== null && record.x >= list.x + list.width,
    );
    await shoot("large");
    await keys.press("Escape");
  });
  await steps.check("forced colours leave what is chosen to be seen", async () => {
    await page.emulateMedia({ forcedColors: "active" });
    await keys.press("e");
    await keys.press("Enter");
    await until("detail", selectedRow, (now) => now !== null);
    const outline = () =>
      page
        .locator('#events [aria-selected="true"]')
        .evaluate((row) => getComputedStyle(row).outlineStyle);
    await until("outline of the open record's row", outline, (now) => now !== "none");
    await shoot("forced-colours");
    await keys.press("Escape");
    await page.emulateMedia({ forcedColors: "none" });
  });
  await steps.check("reduced motion stops every animation", async () => {
    await page.emulateMedia({ reducedMotion: "reduce" });
    await until(
      "animations",
      () => page.evaluate(() => document.getAnimations().length),
      (now) => now === 0,
    );
  });
}
