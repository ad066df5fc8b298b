// Goes through every view of a page on which each name and text would do harm if it were taken for
// markup, or could turn or cover what stands beside it. Prints one JSON object; exit code 1 on any
// failed check.
//
//   node hostile.mjs --url URL --file FILE --out DIR
//
// Behind the URL, and in the file, is the run that e2e/tests/run_page.rs writes.
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { needed } from "./arguments.mjs";
import { isClean, openBrowser } from "./browser.mjs";
import { foreignTexts, HOSTILE } from "./foreign.mjs";
import { RunPage } from "./run_page.mjs";
import { accessible, copiedBy, must, Steps, until } from "./steps.mjs";

const { url, file, out } = needed("url", "file", "out");
const COME_MS_MAX = 60_000;
const OPEN_MS_MAX = 30_000;
const SIZES = [
  { width: 1440, height: 1000 },
  { width: 390, height: 844 },
];
await mkdir(out, { recursive: true });
const { page, trouble, close } = await openBrowser(SIZES[0]);
await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
page.setDefaultTimeout(30_000);
let alerts = 0;
page.on("dialog", (dialog) => {
  alerts += 1;
  void dialog.dismiss();
});
const run = new RunPage(page);
const keys = page.keyboard;
/** @param {string} name */
const shoot = (name) => page.screenshot({ path: join(out, `hostile-${name}.png`) });
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
const steps = new Steps(() => go("?view=runs"));

/** @param {string} name @param {number} least */
async function atEverySize(name, least) {
  const seen = [];
  for (const size of SIZES) {
    await page.setViewportSize(size);
    seen.push(await foreignTexts(page, least));
    await shoot(`${name}-${size.width}`);
  }
  await page.setViewportSize(SIZES[0] ?? { width: 1440, height: 1000 });
  await accessible(page);
  return seen;
}

await steps.check("SEC-09 BND-15 in the list of runs", async () => {
  await go("?view=runs");
  await some('[data-testid="run-row"][data-run]');
  const thread = page.locator('[data-testid="run-row"] .thread bdi').first();
  must((await thread.textContent()) === HOSTILE, "the thread's name was changed");
  return atEverySize("runs", 3);
});
await steps.check("SEC-09 in a run and in the inside of each of its lines", async () => {
  await go("?run=0%3A0%3A0");
  await some('[data-testid="waterfall"]');
  // Run, node, model call, tool call.
  await until(
    "lines",
    () => run.total(),
    (total) => total >= 4,
    OPEN_MS_MAX,
  );
  const rows = await run.allRows();
  const seen = [];
  for (const row of rows) {
    await run.select(row.index);
    // What is inside comes with an answer of its own.
    await page.waitForTimeout(300);
    seen.push(await foreignTexts(page, 6));
  }
  await atEverySize("run", 6);
  return seen;
});
await steps.check("SEC-09 in Markdown what is hidden is written out", async () => {
  const text = await copiedBy(page, run.hook("copy-markdown"));
  const said = "<img src=x onerror=alert(1)>\\u202e\\u2066abc`\\u200b\\u0000end";
  must(text.includes(`- Thread: \`\`${said}\`\`, run 1`), text);
  must(!/[\u202a-\u202e\u2066-\u2069\0]/u.test(text), "it can turn the ticket");
});
await steps.check("SEC-09 in the events, their threads and the filter", async () => {
  await go("?view=events");
  await some('[data-testid="event-row"][data-row]');
  await some('[data-testid="thread-row"][data-thread]');
  const seen = await atEverySize("events", 4);
  await page.locator('[data-testid="thread-row"][data-thread]').first().click();
  await some('[data-testid="clear-thread"]');
  return [...seen, ...(await atEverySize("filtered", 4))];
});
const records = await page.locator('[data-testid="event-row"][data-row]').count();
await steps.check("SEC-09 in every record, each of its lines and its bytes", async () => {
  must(records >= 5, `${records} records`);
  let chosen = 0;
  for (let offset = 0; offset < 6; offset += 1) {
    await go(`?view=events&at=0:${offset}`);
    await until(
      "record",
      () => run.hook("detail").getAttribute("data-held"),
      (held) => held === "true",
      OPEN_MS_MAX,
    );
    // The message comes with an answer of its own; a record that cannot be read has none.
    await page.waitForTimeout(400);
    await foreignTexts(page, 1);
    const lines = page.locator('[data-testid="json"] [data-key]');
    const count = await lines.count();
    for (let line = 0; line < count; line += 1) {
      await lines.nth(line).click();
      await page.waitForTimeout(40);
      await foreignTexts(page, 1);
      chosen += 1;
    }
    await atEverySize(`record-${offset}`, 1);
    await run.hook("tab-bytes").click();
    await run.hook("hex").waitFor();
    await foreignTexts(page, 1);
  }
  must(chosen >= 40, `only ${chosen} lines were chosen`);
  return { chosen };
});
await steps.check("SEC-09 in health, with what could not be read", async () => {
  await go("?view=health");
  await some('[data-testid="quarantine-row"]');
  return atEverySize("health", 1);
});
await steps.check(
  "SEC-09 in the strip of a capture, by its name and what it says of itself",
  async () => {
    await go("?view=runs");
    await some('[data-testid="run-row"][data-run]');
    const buffer = await readFile(file);
    const name = `${HOSTILE.replace(/[\0/]/gu, "")}`;
    await run.hook("open-capture-file").setInputFiles({ name, mimeType: "", buffer });
    await until(
      "capture",
      () => run.hook("capture").getAttribute("data-state"),
      (state) => state === "done",
      COME_MS_MAX,
    );
    const shown = await run.hook("capture").locator("bdi").allTextContents();
    must(shown.includes(name) && shown.includes(HOSTILE), JSON.stringify(shown));
    return atEverySize("capture", 4);
  },
);
await steps.check("SEC-09 in an address that is not understood", async () => {
  await go(`?view=runs&from=${encodeURIComponent(HOSTILE)}&run=${encodeURIComponent(HOSTILE)}`);
  await page.getByText("Part of the address was not understood.").waitFor();
  await foreignTexts(page, 0);
  await shoot("address");
});
await keys.press("Escape");
await close();
const ok = steps.ok && isClean(trouble) && alerts === 0;
process.stdout.write(
  `${JSON.stringify({ ok, alerts, checks: steps.results, ...trouble }, null, 2)}\n`,
);
process.exitCode = ok ? 0 : 1;
