// The views of runs and health, over a topic that is empty at first, then holds known runs, then gets more.
// Files in its folder say how far it is (empty.done, read.done), so that somebody produces what comes next.
// Prints one JSON object; exit code 1 on any failed check or anything in the console.
//
//   node runs.mjs --url URL --out DIR --failed N --stuck N --lossy N --all N
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { isClean, openBrowser } from "./browser.mjs";
import { firstVisit, known, live } from "./runs_list.mjs";
import { looks } from "./runs_looks.mjs";
import { makeWalker } from "./walker.mjs";

const { values } = parseArgs({
  options: {
    url: { type: "string" },
    out: { type: "string" },
    all: { type: "string" },
    failed: { type: "string" },
    stuck: { type: "string" },
    lossy: { type: "string" },
  },
});
const { url, out } = values;
if (url === undefined || out === undefined) {
  process.stderr.write("runs.mjs: --url and --out are needed\n");
  process.exit(2);
}
const expected = {
  all: Number(values.all),
  failed: Number(values.failed),
  stuck: Number(values.stuck),
  lossy: Number(values.lossy),
};
await mkdir(out, { recursive: true });
const done = (/** @type {string} */ name) => writeFile(join(out, `${name}.done`), "");
const { page, trouble, close } = await openBrowser();
page.setDefaultTimeout(30_000);
const walker = makeWalker(page, url, out, "runs");
let error = "";
try {
  await firstVisit(walker);
  await done("empty");
  await known(walker, expected);
  await looks(walker);
  await done("read");
  await live(walker);
} catch (caught) {
  error = String(caught);
}
await done("empty");
await done("read");
await close();
const ok = walker.steps.ok && error === "" && isClean(trouble);
process.stdout.write(
  `${JSON.stringify({ ok, error, checks: walker.steps.results, ...trouble }, null, 2)}\n`,
);
process.exitCode = ok ? 0 : 1;
