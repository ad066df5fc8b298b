// Opens the page, waits until it has counted so many records, and prints what it shows as one
// JSON object. Exit code 0 if they all came and nothing went wrong in the browser, else 1.
//
//   node page.mjs --url URL --until-records N --timeout-s S [--digest] [--screenshot FILE] [--dark]
import { parseArgs } from "node:util";
import { isClean, openBrowser, readPage } from "./browser.mjs";

const POLL_MS = 100;

const { values } = parseArgs({
  options: {
    url: { type: "string" },
    "until-records": { type: "string", default: "0" },
    "timeout-s": { type: "string", default: "60" },
    digest: { type: "boolean", default: false },
    screenshot: { type: "string" },
    dark: { type: "boolean", default: false },
  },
});
if (values.url === undefined) {
  process.stderr.write("page.mjs: --url is missing\n");
  process.exit(2);
}
const wanted = Number(values["until-records"]);
const timeoutMs = Number(values["timeout-s"]) * 1000;
if (!Number.isSafeInteger(wanted) || !(timeoutMs > 0)) {
  process.stderr.write("page.mjs: --until-records and --timeout-s take numbers\n");
  process.exit(2);
}

const url = new URL(values.url);
// Its partitions and their digests are in this view.
url.searchParams.set("view", "health");
if (values.digest) url.searchParams.set("digest", "1");
const startedMs = performance.now();
const { page, trouble, close } = await openBrowser({ dark: values.dark });
let reached = false;
let shown = null;
let error = "";
try {
  await page.goto(url.href, { waitUntil: "load", timeout: timeoutMs });
  ({ shown, reached } = await waitForRecords());
  if (values.screenshot !== undefined) await page.screenshot({ path: values.screenshot });
} catch (caught) {
  error = String(caught);
}
const elapsedMs = Math.round(performance.now() - startedMs);
await close();
const ok = reached && error === "" && isClean(trouble);
process.stdout.write(
  `${JSON.stringify({ ok, reached, wanted, elapsedMs, error, ...shown, ...trouble })}\n`,
);
process.exitCode = ok ? 0 : 1;

/** The digests belong to the same answer as the totals, so one reading holds both. */
async function waitForRecords() {
  for (;;) {
    const now = await readPage(page);
    const enough = now.totals.records >= wanted && now.phase !== null;
    if (enough || performance.now() - startedMs > timeoutMs) return { shown: now, reached: enough };
    await page.waitForTimeout(POLL_MS);
  }
}
