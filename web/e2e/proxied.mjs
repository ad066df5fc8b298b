// Opens the page behind a proxy, several times if asked to, and prints as one JSON object what a person
// sees each time: the live page, the sentence of a refusal, or the text for files that are gone. The exit
// code is 0 unless the browser itself fails.
//
//   node proxied.mjs --url URL --name HOST [--loads N] [--timeout-s S] [--screenshot FILE]
//
// HOST is taken for this machine, and its certificate for a good one.
import { parseArgs } from "node:util";
import { openBrowser, readPage } from "./browser.mjs";

const { values } = parseArgs({
  options: {
    url: { type: "string" },
    name: { type: "string" },
    loads: { type: "string", default: "1" },
    "timeout-s": { type: "string", default: "60" },
    screenshot: { type: "string" },
  },
});
if (values.url === undefined || values.name === undefined) {
  process.stderr.write("proxied.mjs: --url and --name are needed\n");
  process.exit(2);
}
const { url, name } = values;
const timeoutMs = Number(values["timeout-s"]) * 1000;
/** Reloads of the page by itself come within this time. */
const SETTLED_MS = 3_000;

const { page, trouble, close } = await openBrowser({
  flags: [`--host-resolver-rules=MAP ${name} 127.0.0.1`, "--ignore-certificate-errors"],
});
const loads = [];
for (let load = 0; load < Number(values.loads); load += 1) {
  await page.goto("about:blank", { waitUntil: "commit", timeout: timeoutMs });
  await page.goto(url, { waitUntil: "commit", timeout: timeoutMs });
  loads.push(await seen());
  if (values.screenshot !== undefined) await page.screenshot({ path: values.screenshot });
}
await close();
process.stdout.write(`${JSON.stringify({ loads, trouble })}\n`);

/** What is on the page once it stays the same. */
async function seen() {
  const failedBefore = failures();
  const endMs = performance.now() + timeoutMs;
  let sinceMs = performance.now();
  let before = "";
  for (;;) {
    const now = await look();
    if (now.state === "live") return now;
    const same = JSON.stringify(now);
    if (same !== before) sinceMs = performance.now();
    before = same;
    const settled = performance.now() - sinceMs > SETTLED_MS;
    // The text for files that are gone is there, too, while they are on their way.
    const loading = now.state === "gone" && failures() === failedBefore;
    if (settled && now.state !== "loading" && !loading) return now;
    if (performance.now() > endMs) return now;
    await page.waitForTimeout(100);
  }
}

/** Files that did not come, so far. */
function failures() {
  return trouble.failedRequests.length + trouble.consoleErrors.length;
}

async function look() {
  try {
    const { phase, failure } = await readPage(page);
    const refusal = page.locator('[data-testid="refusal"]');
    const sentence = (await refusal.count()) > 0 ? await refusal.innerText() : "";
    const text = (await page.locator("body").innerText()).trim().slice(0, 400);
    const address = page.url();
    const at = (/** @type {string} */ state) => ({ state, address, sentence, text, failure });
    if (phase === "live") return at("live");
    if (sentence !== "") return at("refused");
    if (failure !== "") return at("failed");
    if (phase === null) return at(text.includes("reload the page") ? "gone" : "blank");
    return { ...at("loading"), text: "" };
  } catch {
    // A reload in just this moment.
    return { state: "loading", address: "", sentence: "", text: "", failure: "" };
  }
}
