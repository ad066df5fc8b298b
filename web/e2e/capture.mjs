// Opens captures on a page behind which there is no relay, and checks what it shows of them. Prints one JSON
// object; exit code 1 on any failed check.
//
//   node capture.mjs --dist DIR --files DIR --out DIR [--real FILE]
//
// `--files` holds the captures that e2e/tests/page_capture.rs writes.
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openBrowser, readPage } from "./browser.mjs";
import { serveFolder } from "./static.mjs";
import { accessible, copiedBy, eventRows, messageLines, must, Steps, until } from "./steps.mjs";

const { values } = parseArgs({
  options: {
    dist: { type: "string" },
    files: { type: "string" },
    out: { type: "string" },
    real: { type: "string" },
  },
});
const { dist = "", files = "", out = "" } = values;
if (dist === "" || files === "" || out === "") {
  process.stderr.write("capture.mjs: --dist, --files and --out are needed\n");
  process.exit(2);
}
await mkdir(out, { recursive: true });
const HOSTILE = "<img src=x onerror=alert(1)>\u202e\u2066abc\u200b\u{1F468}\u200d\u{1F469}end";
const PATIENCE_MS = 60_000;
const server = await serveFolder(dist);
const { page, trouble, close } = await openBrowser();
await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
page.setDefaultTimeout(60_000);
let alerts = 0;
page.on("dialog", (dialog) => {
  alerts += 1;
  void dialog.dismiss();
});
/** @param {string} id */
const hook = (id) => page.locator(`[data-testid="${id}"]`);
/** @param {string} name */
const shoot = (name) => page.screenshot({ path: join(out, `${name}.png`) });
const state = () => hook("capture").getAttribute("data-state");
/** @param {string} file @param {string} wanted */
async function open(file, wanted = "done") {
  await hook("open-capture-file").setInputFiles(file);
  await until("capture", state, (now) => now === wanted, PATIENCE_MS);
}
/** @param {string} position @param {number} index */
async function openRow(position, index = 0) {
  const [partition, offset] = position.split(":");
  const place = `[data-partition="${partition}"][data-offset="${offset}"]`;
  const rows = page.locator(`#events ${place}[data-index-in-batch="${index}"]`);
  await rows.locator(".position").click();
  await until(
    "record",
    () => hook("detail").getAttribute("data-held"),
    (now) => now === "true",
  );
}
/** @param {string} key */
const lineOf = async (key) =>
  until(
    `line ${key}`,
    async () => (await messageLines(page)).find((line) => line.key === key),
    (line) => line !== undefined,
  );
const steps = new Steps(async () => {
  await page.keyboard.press("Escape");
});

await page.goto(`${server.url}?view=events`, { waitUntil: "load" });
await steps.check("a capture opens without a relay, and the page says which", async () => {
  await hook("open-capture-here").waitFor();
  await open(join(files, "shapes.dscap"));
  await until(
    "what the strip says",
    async () => (await hook("capture").innerText()).replace(/\s+/gu, " "),
    (text) => text.includes("Capture shapes.dscap, 6 records"),
  );
  await until(
    "phase",
    async () => (await hook("phase").innerText()).trim(),
    (now) => now === "Capture",
  );
  must((await hook("hop").count()) === 0, "the hops of a relay are shown");
  const totals = await until(
    "totals",
    async () => (await readPage(page)).totals,
    (now) => now.records === 5 && now.rejects === 1 && now.gaps === 1,
  );
  await accessible(page);
  await shoot("capture");
  return totals;
});
await steps.check("X32 an event of a batch is shown alone; its link and copy say so", async () => {
  await openRow("0:0", 1);
  await lineOf("nodeId");
  const nodes = (await messageLines(page)).filter((line) => line.key === "nodeId");
  must(nodes.length === 1 && (nodes[0]?.text ?? "").includes('"second"'), JSON.stringify(nodes));
  await until(
    "which one it is",
    () => hook("detail").innerText(),
    (now) => now.includes("2 of 3 in the batch"),
  );
  const copied = await copiedBy(page, hook("copy"));
  must(JSON.parse(copied).nodeId === "second", copied.slice(0, 200));
  must(new URL(page.url()).searchParams.get("at") === "0:0:1", page.url());
  await hook("whole").click();
  await lineOf("eventBatch");
  const opened = page.locator('[data-testid="json"] [aria-expanded="true"]');
  const texts = await opened.allInnerTexts();
  must(texts.length > 0 && !texts.some((text) => /\{\}|\[\]/.test(text)), texts.join());
  const events = JSON.parse(await copiedBy(page, hook("copy")));
  must(events.eventBatch.events.length === 3, "the batch is not shown whole");
  await shoot("batch");
  await page.keyboard.press("Escape");
});
await steps.check("X31 arguments are JSON; D-39 hostile text is text in its box", async () => {
  await openRow("0:1");
  must((await lineOf("q"))?.text.includes('"caf\u00e9"') === true, "the argument is not read");
  must((await lineOf("arguments"))?.text.includes("JSON in") === true, "no note on the bytes");
  await page.locator('[data-testid="json"] [data-key="result"]').click();
  const value = () => hook("value").evaluate((element) => element.textContent ?? "");
  await until("value", value, (now) => now === HOSTILE);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  must(wide <= 0, `the page is ${wide} pixels too wide`);
  must(alerts === 0, "a script ran");
  await accessible(page);
  await shoot("hostile");
  await page.keyboard.press("Escape");
});
await steps.check("a value of 9 MiB opens, and is read in parts", async () => {
  const startMs = performance.now();
  await openRow("0:2");
  await lineOf("result");
  const openedMs = Math.round(performance.now() - startMs);
  await page.locator('[data-testid="json"] [data-key="result"]').click();
  const length = () => hook("value").evaluate((element) => (element.textContent ?? "").length);
  await until("first part", length, (now) => now > 1000 && now < 40_000);
  await hook("value-more").click();
  await until("next part", length, (now) => now > 1000 && now < 40_000);
  await hook("message-search").fill("needle");
  await until(
    "hits",
    () => hook("message-hits").innerText(),
    (now) => now === "1 of 1",
  );
  must(openedMs < 30_000, `it took ${openedMs} ms`);
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  return { openedMs };
});
await steps.check("X36 an event type without a name shows its number", async () => {
  await openRow("0:3");
  must((await lineOf("eventType"))?.text.includes("70000") === true, "not the real number");
  await until(
    "its number",
    () => hook("detail").innerText(),
    (now) => now.includes("unknown(70000)"),
  );
  await page.keyboard.press("Escape");
});
await steps.check("lone surrogates and NUL stay as they were written", async () => {
  await openRow("0:6");
  must((await lineOf("value"))?.text.includes('"\\ud800\\u0000"') === true, "the value differs");
  await page.keyboard.press("Escape");
});
await steps.check("X31 a record that cannot be read shows where it fails", async () => {
  await openRow("0:4");
  await hook("tab-bytes").click();
  await hook("to-failure").click();
  const marked = page.locator("[data-marked]");
  await until(
    "mark",
    () => marked.count(),
    (count) => count === 1,
  );
  const download = page.waitForEvent("download");
  await hook("save-raw").click();
  const saved = await readFile(await (await download).path());
  must(saved.length === 6, `the file has ${saved.length} bytes`);
  must((await download).suggestedFilename() === "record-0-4.bin", "the name");
  await accessible(page);
  await shoot("failure");
  await hook("tab-decoded").click();
  await page.keyboard.press("Escape");
});
await steps.check("a capture that is dropped opens", async () => {
  const bytes = (await readFile(join(files, "small.dscap"))).toString("base64");
  const data = await page.evaluateHandle((text) => {
    const list = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([list], "dropped.dscap"));
    return transfer;
  }, bytes);
  await page.dispatchEvent("body", "dragover", { dataTransfer: data });
  await page.dispatchEvent("body", "drop", { dataTransfer: data });
  await until(
    "name",
    () => hook("capture").innerText(),
    (now) => now.includes("dropped.dscap"),
  );
});
for (const [name, word] of [
  ["cut.dscap", "ends inside a block"],
  ["empty.dscap", "the file is empty"],
  ["zeros.bin", "filled with zeros"],
]) {
  await steps.check(`${name} says what is wrong with it`, async () => {
    await open(join(files, name ?? ""), "failed");
    const said = await until(
      "what is wrong",
      () => hook("capture-word").innerText(),
      (now) => now.includes(word ?? ""),
    );
    await shoot(name ?? "");
    return said;
  });
}
if (values.real !== undefined) {
  await steps.check("the real capture", async () => {
    await open(values.real ?? "");
    // Lists come a moment after a file that was read at once.
    await until(
      "rows",
      () => eventRows(page),
      (rows) => rows.length > 5,
    );
    await until(
      "threads",
      () => page.locator('[data-testid="thread-row"]').count(),
      (count) => count > 3,
    );
    await shoot("real");
    return { ...(await readPage(page)).totals, text: await hook("capture").innerText() };
  });
  await steps.check("issue H, 6 nothing of a capture goes on until today", async () => {
    const days = /\b\d[\d,]* (?:h|days)\b/u;
    const states = await page.locator('[data-testid="thread-row"] .state').allInnerTexts();
    must(states.length > 3 && !states.some((state) => days.test(state)), states.join());
    await hook("view-runs").click();
    const rows = page.locator('[data-testid="run-row"][data-run]');
    await rows.first().waitFor();
    const statuses = await rows.locator(".status .words").allInnerTexts();
    must(statuses.length > 3 && !statuses.some((status) => days.test(status)), statuses.join());
    must(!statuses.some((status) => /quiet|running/.test(status)), statuses.join());
    await hook("view-health").click();
    await page.locator("#partitions thead").waitFor();
    const titles = await page.locator("#partitions thead").innerText();
    must(!/Remaining|Kafka|End/.test(titles), titles);
    await shoot("real-health");
    await hook("view-events").click();
    return { states, statuses };
  });
}
await steps.check("closing the capture goes back to the relay", async () => {
  await hook("close-capture").click();
  await until(
    "phase",
    () => hook("phase").getAttribute("data-phase"),
    (now) => now === "waiting" || now === "connecting",
  );
  await until(
    "rows",
    () => eventRows(page),
    (rows) => rows.length === 0,
  );
});
await close();
server.close();
const clean = trouble.pageErrors.length === 0 && trouble.cspViolations.length === 0;
const ok = steps.ok && clean;
process.stdout.write(`${JSON.stringify({ ok, checks: steps.results, ...trouble }, null, 2)}\n`);
process.exitCode = ok ? 0 : 1;
