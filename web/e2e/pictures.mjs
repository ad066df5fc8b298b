// Takes the pictures of the documents: the page with simulated runs, once enough of them have come.
//
//   node pictures.mjs --url URL --out DIR
import { join } from "node:path";
import { needed } from "./arguments.mjs";
import { isClean, openBrowser, readPage } from "./browser.mjs";
import { until } from "./steps.mjs";

const values = needed("url", "out");
const RECORDS = 1_500;
const PATIENCE_MS = 120_000;

const { page, trouble, close } = await openBrowser();
await page.goto(values.url, { waitUntil: "load" });
const shown = () => readPage(page);
await until(
  "records",
  shown,
  (now) => now.phase === "live" && now.totals.records >= RECORDS,
  PATIENCE_MS,
);
// Simulated threads of a newer format are there for tests, and would fill the picture.
const newer = page.getByTestId("newer-schema");
await newer.waitFor({ timeout: 10_000 }).catch(() => undefined);
if (await newer.isVisible()) await newer.getByRole("button", { name: "Dismiss" }).click();
await page.mouse.move(0, 0);
await page.screenshot({ path: join(values.out, "page.png") });
await close();
process.stdout.write(`${join(values.out, "page.png")}\n`);
if (!isClean(trouble)) {
  process.stderr.write(`${JSON.stringify(trouble)}\n`);
  process.exitCode = 1;
}
