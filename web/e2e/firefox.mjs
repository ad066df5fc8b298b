// The page in Firefox: it opens, becomes live, shows runs, opens one, and no error is written to the
// console. Prints one JSON object; exit code 1 where something is wrong.
//
//   node firefox.mjs --url URL --out DIR
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { needed } from "./arguments.mjs";
import { openFirefox } from "./marionette.mjs";
import { Steps, must, until } from "./steps.mjs";

const { url, out } = needed("url", "out");
await mkdir(out, { recursive: true });
const PATIENCE_MS = 120_000;
const SEEN = `
  const hook = (id) => document.querySelector('[data-testid="' + id + '"]');
  return {
    phase: hook("phase")?.dataset.phase ?? "",
    runs: document.querySelectorAll('[data-testid="run-row"][data-run]').length,
    spans: Number(hook("waterfall")?.dataset.total ?? "0"),
    failure: hook("failure")?.textContent?.trim() ?? "",
  };
`;
const OPEN = `document.querySelector('[data-testid="run-row"][data-run]').click();`;
/** Errors of the page and reports of its policy; what Firefox says of its own parts is not ours. */
const CONSOLE = `
  const [origin] = arguments;
  const errors = Services.console
    .getMessageArray()
    .filter((message) => message instanceof Ci.nsIScriptError)
    .filter(({ sourceName, category }) => sourceName.startsWith(origin) || category.includes("CSP"))
    .filter(({ flags, category }) => !(flags & Ci.nsIScriptError.warningFlag) || category.includes("CSP"))
    .map(({ errorMessage, sourceName }) => errorMessage + " (" + sourceName + ")");
  const storage = Cc["@mozilla.org/consoleAPI-storage;1"].getService(Ci.nsIConsoleAPIStorage);
  const said = storage
    .getEvents()
    .filter(({ level, filename }) => level === "error" && filename.startsWith(origin))
    .map((event) => event.arguments.map(String).join(" "));
  return [...errors, ...said];
`;

const { marionette, close } = await openFirefox();
const steps = new Steps(async () => undefined);
try {
  const { capabilities } = await marionette.send("WebDriver:NewSession");
  const seen = () => marionette.script("content", SEEN);
  await steps.check("a Firefox answers", async () => `${capabilities.browserVersion}`);
  await steps.check("the page opens, becomes live and shows runs", async () => {
    await marionette.send("WebDriver:Navigate", { url });
    const isThere = (/** @type {any} */ now) => now.phase === "live" && now.runs > 0;
    return until("page", seen, isThere, PATIENCE_MS);
  });
  await steps.check("a run opens", async () => {
    await marionette.script("content", OPEN);
    return until("run", seen, (now) => now.spans > 0, PATIENCE_MS);
  });
  await steps.check("the decoder did not fail", async () => {
    const { failure } = await seen();
    must(failure === "", failure);
  });
  const { value } = await marionette.send("WebDriver:TakeScreenshot", { full: false });
  await writeFile(join(out, "firefox.png"), Buffer.from(value, "base64"));
  await steps.check("nothing is written to the console", async () => {
    const written = await marionette.script("chrome", CONSOLE, [new URL(url).origin]);
    must(written.length === 0, JSON.stringify(written));
  });
} finally {
  await close();
}
const { ok, results } = steps;
process.stdout.write(`${JSON.stringify({ ok, checks: results }, null, 2)}\n`);
process.exitCode = ok ? 0 : 1;
