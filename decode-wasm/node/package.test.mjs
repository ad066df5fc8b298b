// The npm package, used as a stranger would: a plain page imports it by its address and decodes a record.
//
//     DASHSTREAM_NPM_PACKAGE=target/dist/dashstream-decode-0.1.0.tgz node --test decode-wasm/node/package.test.mjs
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { test } from "node:test";
import { CHROMIUM_FLAGS } from "../../web/e2e/flags.mjs";
import { GENERATED, Missing, skippable, vectorCases } from "./cases.mjs";

const EXECUTABLE = process.env.DASHSTREAM_CHROMIUM ?? "/usr/bin/chromium";
const PACKAGE = process.env.DASHSTREAM_NPM_PACKAGE ?? "";
const DEADLINE_MS = 120_000;
const TYPES = { ".js": "text/javascript", ".wasm": "application/wasm" };

/** A page that knows the package only by its files. */
const PAGE = `<!doctype html><title>plain</title><script type="module">
  import init, { canonicalJson, MessageDecoder } from "/package/decode_wasm.js";
  await init();
  window.decode = (bytes) => canonicalJson(new Uint8Array(bytes), false);
  window.refusal = (bytes) => { try { return decode(bytes); } catch (error) { return error.message; } };
  window.columns = Object.getOwnPropertyNames(MessageDecoder.prototype);
</script>`;

async function fromPlainPage() {
  const playwright = join(GENERATED, "../../node_modules/playwright-core");
  for (const [file, what] of [
    [EXECUTABLE, "no Chromium (DASHSTREAM_CHROMIUM)"],
    [playwright, "no playwright-core: run `npm ci` in web"],
    [PACKAGE, "the npm package is not made (DASHSTREAM_NPM_PACKAGE)"],
  ]) {
    if (!existsSync(file)) throw new Missing(what);
  }
  const folder = await mkdtemp(join(tmpdir(), "dashstream-package-"));
  try {
    execFileSync("tar", ["-xzf", PACKAGE, "-C", folder]);
    await isWhole(join(folder, "package"));
    const { chromium } = createRequire(import.meta.url)(playwright);
    await decodes(chromium, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Everything that the package's own description names is in it, and so are licence and README. */
async function isWhole(folder) {
  const about = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const named = [about.main, about.types, ...about.files, "README.md", "LICENSE"];
  for (const name of named) assert.ok(existsSync(join(folder, name)), `no ${name}`);
  const types = await readFile(join(folder, about.types), "utf8");
  assert.match(types, /export function canonicalJson\(payload: Uint8Array/);
}

async function decodes(chromium, folder) {
  const server = createServer((request, response) => {
    if (request.url === "/") {
      return response.writeHead(200, { "content-type": "text/html" }).end(PAGE);
    }
    const file = join(folder, "package", basename(request.url));
    const type = TYPES[file.slice(file.lastIndexOf("."))] ?? "text/plain";
    return readFile(file).then(
      (bytes) => response.writeHead(200, { "content-type": type }).end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const context = await chromium.launchPersistentContext(join(folder, "profile"), {
    executablePath: EXECUTABLE,
    headless: true,
    args: CHROMIUM_FLAGS,
  });
  try {
    const page = context.pages()[0] ?? (await context.newPage());
    page.setDefaultTimeout(DEADLINE_MS);
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    await page.waitForFunction(() => window.columns !== undefined);
    const strict = vectorCases().filter((one) => !one.compatible);
    const accepted = strict.find((one) => one.verdict === "ok" && one.text.includes("header"));
    const refused = strict.find((one) => one.verdict !== "ok");
    const bytes = (one) => [...one.payload];
    assert.equal(await page.evaluate((all) => window.decode(all), bytes(accepted)), accepted.text);
    const reason = await page.evaluate((all) => window.refusal(all), bytes(refused));
    assert.equal(reason.split(":")[0], refused.verdict);
    assert.ok((await page.evaluate(() => window.columns)).includes("decode"));
  } finally {
    await context.close();
    server.closeAllConnections();
    server.close();
  }
}

test("a plain page decodes a record with the npm package", skippable(fromPlainPage));
