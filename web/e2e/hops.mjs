// Opens the page, waits until a hop on the way of a record has one state, kills a process if asked to, waits
// for another state, and prints what the page says. Exit code 0 if both came.
//
//   node hops.mjs --url URL --hop Kafka --first good --kill PID --then bad --timeout-s S
import { parseArgs } from "node:util";
import { openBrowser } from "./browser.mjs";
import { until } from "./steps.mjs";

const { values } = parseArgs({
  options: {
    url: { type: "string" },
    hop: { type: "string", default: "Kafka" },
    first: { type: "string", default: "good" },
    then: { type: "string", default: "bad" },
    kill: { type: "string" },
    "timeout-s": { type: "string", default: "60" },
  },
});
if (values.url === undefined) {
  process.stderr.write("hops.mjs: --url is missing\n");
  process.exit(2);
}
const timeoutMs = Number(values["timeout-s"]) * 1000;
const { page, close } = await openBrowser();
const hop = page.locator(`[data-hop="${values.hop}"]`);
const tone = () => hop.getAttribute("data-tone", { timeout: timeoutMs });
let error = "";
let seen = {};
try {
  await page.goto(values.url, { waitUntil: "load" });
  await until(values.hop, tone, (now) => now === values.first, timeoutMs);
  if (values.kill !== undefined) process.kill(Number(values.kill), "SIGKILL");
  await until(values.hop, tone, (now) => now === values.then, timeoutMs);
  seen = {
    hop: await hop.innerText(),
    verdict: await page.locator('[data-testid="verdict"]').innerText(),
    phase: await page.locator('[data-testid="phase"]').getAttribute("data-phase"),
  };
} catch (caught) {
  error = String(caught);
}
await close();
process.stdout.write(`${JSON.stringify({ ok: error === "", error, ...seen })}\n`);
process.exitCode = error === "" ? 0 : 1;
