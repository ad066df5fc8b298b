// Walks the page as a person at a keyboard would, checks what happens, and takes screenshots in
// both themes. Prints one JSON object; exit code 1 on any failed check or anything in the console.
//
//   node walk.mjs --url URL --out DIR
//
// The relay behind the URL must hold records already; new ones may come in meanwhile.
import { mkdir } from "node:fs/promises";
import { needed } from "./arguments.mjs";
import { isClean, openBrowser, readPage } from "./browser.mjs";
import { arrive, lists, tabThrough } from "./walk_lists.mjs";
import { sizes, surroundings } from "./walk_page.mjs";
import { links, narrow, record, threads } from "./walk_records.mjs";
import { makeWalker } from "./walker.mjs";

const values = needed("url", "out");
await mkdir(values.out, { recursive: true });
const { page, trouble, close } = await openBrowser();
await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
page.setDefaultTimeout(30_000);
const walker = makeWalker(page, values.url, values.out);
const PARTS = [arrive, tabThrough, lists, record, links, narrow, threads, surroundings, sizes];
let error = "";
let shown = null;
try {
  for (const part of PARTS) {
    await part(walker);
  }
  shown = await readPage(page);
} catch (caught) {
  error = String(caught);
}
await close();
const ok = walker.steps.ok && error === "" && isClean(trouble);
process.stdout.write(
  `${JSON.stringify({ ok, error, checks: walker.steps.results, shown, ...trouble }, null, 2)}\n`,
);
process.exitCode = ok ? 0 : 1;
