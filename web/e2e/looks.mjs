// Looks at every view in every theme, with forced colours and in a window as small as at 200 % zoom: none
// of it may be inaccessible or stick out. Prints one JSON object; exit code 1 on any failed check.
//
//   node looks.mjs --url URL --file FILE --out DIR
//
// Behind the URL, and in the file, is the real capture.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { needed } from "./arguments.mjs";
import { isClean, openBrowser } from "./browser.mjs";
import { accessible, atRest, must, Steps, until } from "./steps.mjs";

const { url, file, out } = needed("url", "file", "out");
const COME_MS_MAX = 60_000;
const LARGE = { width: 1440, height: 900 };
/** What a window of 1440 by 900 has at 200 % zoom. */
const ZOOMED = { width: 720, height: 450 };
/** @typedef {{ colorScheme?: "light" | "dark", forcedColors?: "active" }} Media */
/** @type {{ name: string, media: Media, size: typeof LARGE }[]} */
const LOOKS = [
  { name: "light", media: { colorScheme: "light" }, size: LARGE },
  { name: "dark", media: { colorScheme: "dark" }, size: LARGE },
  { name: "forced", media: { forcedColors: "active" }, size: LARGE },
  { name: "zoomed", media: { colorScheme: "light" }, size: ZOOMED },
  { name: "zoomed-dark", media: { colorScheme: "dark" }, size: ZOOMED },
];
await mkdir(out, { recursive: true });
const { page, trouble, close } = await openBrowser(LARGE);
page.setDefaultTimeout(30_000);
/** @param {string} id */
const hook = (id) => page.locator(`[data-testid="${id}"]`);
/** @param {string} search */
const go = (search) => page.goto(new URL(search, url).href, { waitUntil: "load" });
/** @param {string} selector */
const some = (selector) =>
  until(
    selector,
    () => page.locator(selector).count(),
    (count) => count > 0,
    COME_MS_MAX,
  );
const RUN = '[data-testid="run-row"][data-run]';
const held = () => some('[data-testid="detail"][data-held="true"]');

/** @type {Record<string, () => Promise<unknown>>} */
const STATES = {
  runs: async () => {
    await go("?view=runs");
    await some(RUN);
  },
  "no runs match": async () => {
    await go("?view=runs&search=nobody-is-called-so");
    await page.getByText("matches.").waitFor({ timeout: COME_MS_MAX });
  },
  run: async () => {
    await go("?view=runs&runs=failed");
    await some(RUN);
    await page.locator(RUN).first().focus();
    await page.keyboard.press("Enter");
    await some('[data-testid="waterfall"] [data-index="1"]');
    await page.keyboard.press("]");
    await some('[data-testid="waterfall"] .trouble[aria-selected="true"]');
  },
  "run and record": async () => {
    await hook("evidence").click();
    await held();
  },
  events: async () => {
    await go("?view=events");
    await some('[data-testid="event-row"][data-row]');
  },
  "nothing matches": async () => {
    await go("?view=events&filter=nobody-is-called-so");
    await page.getByText("Nothing in memory matches").waitFor({ timeout: COME_MS_MAX });
  },
  record: async () => {
    await go("?view=events&at=0:0");
    await held();
    await page.locator('[data-testid="json"] [data-key]').nth(1).click();
  },
  bytes: async () => {
    await hook("tab-bytes").click();
    await some('[data-testid="hex"]');
  },
  health: async () => {
    await go("?view=health");
    await some('[data-testid="partition-row"]');
  },
  help: async () => {
    await hook("help").click();
    await hook("help-dialog").waitFor();
  },
  capture: async () => {
    await go("?view=runs");
    await hook("open-capture-file").first().setInputFiles(file);
    await some('[data-testid="capture"][data-state="done"]');
    await some(RUN);
  },
};
const steps = new Steps(() => go("?view=runs"));
for (const [state, show] of Object.entries(STATES)) {
  await steps.check(`UX-15 D-38 ${state}: nothing is inaccessible in any look`, async () => {
    await show();
    const problems = [];
    for (const { name, media, size } of LOOKS) {
      await page.emulateMedia({ colorScheme: "light", forcedColors: "none", ...media });
      await page.setViewportSize(size);
      await atRest(page);
      await page.screenshot({ path: join(out, `look-${state.replaceAll(" ", "-")}-${name}.png`) });
      try {
        await accessible(page);
        await until(
          "pixels that the page is too wide",
          () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
          (now) => now <= 0,
        );
      } catch (error) {
        problems.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    await page.emulateMedia({ colorScheme: "light", forcedColors: "none" });
    await page.setViewportSize(LARGE);
    must(problems.length === 0, problems.join("\n"));
  });
}
await close();
const ok = steps.ok && isClean(trouble);
process.stdout.write(`${JSON.stringify({ ok, checks: steps.results, ...trouble }, null, 2)}\n`);
process.exitCode = ok ? 0 : 1;
