// The browser module in a worker of Chromium, on the same cases as under Node.
//
//     node --test decode-wasm/node/chromium.test.mjs
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { CHROMIUM_FLAGS } from "../../web/e2e/flags.mjs";
import {
  GENERATED,
  Missing,
  captureCases,
  captured,
  damagedCases,
  differences,
  skippable,
  vectorCases,
} from "./cases.mjs";
import { delimited, undelimited } from "./judge.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const EXECUTABLE = process.env.DASHSTREAM_CHROMIUM ?? "/usr/bin/chromium";
/** Bytes of payloads per request, unless one payload is larger. */
const BATCH_BYTES_MAX = 16 * 1024 * 1024;
/** The whole run, on a machine that does other work too. */
const DEADLINE_MS = 300_000;
const TYPES = { ".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm" };

async function everywhere(t) {
  const playwright = join(GENERATED, "../../node_modules/playwright-core");
  for (const [file, what] of [
    [EXECUTABLE, "no Chromium (DASHSTREAM_CHROMIUM)"],
    [playwright, "no playwright-core: run `npm ci` in web"],
    [join(GENERATED, "decode_wasm.js"), "the browser module is not built"],
  ]) {
    if (!existsSync(file)) throw new Missing(what);
  }
  const { chromium } = createRequire(import.meta.url)(playwright);
  // That there is no captured traffic is said under Node.
  const records = captured().length > 0 ? await captureCases() : [];
  const cases = [...vectorCases(), ...records, ...(await damagedCases())];
  const answers = await inWorker(chromium, cases);
  assert.equal(answers.length, cases.length, "not all answered");
  assert.deepEqual(differences(cases, answers), []);
  t.diagnostic(`${cases.length} cases`);
}

async function inWorker(chromium, cases) {
  const served = await serve(batches(cases));
  const profile = await mkdtemp(join(tmpdir(), "dashstream-vectors-"));
  try {
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: EXECUTABLE,
      headless: true,
      args: CHROMIUM_FLAGS,
    });
    try {
      const page = context.pages()[0] ?? (await context.newPage());
      page.setDefaultTimeout(DEADLINE_MS);
      await page.goto(served.url);
      const outcome = await page.evaluate(
        () =>
          new Promise((resolve) => {
            const worker = new Worker("/worker.mjs", { type: "module" });
            worker.onmessage = (event) => resolve(event.data);
            worker.onerror = (event) => resolve({ failed: event.message });
          }),
      );
      if (outcome.failed !== undefined) throw new Error(`worker: ${outcome.failed}`);
    } finally {
      await context.close();
    }
  } finally {
    served.server.closeAllConnections();
    served.server.close();
    await rm(profile, { recursive: true, force: true });
  }
  return served.answers.flat();
}

function batches(cases) {
  const found = [[]];
  let bytes = 0;
  for (const { payload, compatible } of cases) {
    const one = Buffer.concat([Buffer.of(compatible ? 1 : 0), payload]);
    if (bytes + one.length > BATCH_BYTES_MAX && bytes > 0) {
      found.push([]);
      bytes = 0;
    }
    found.at(-1).push(one);
    bytes += one.length;
  }
  return found;
}

/** A server on a free loopback port: the page, the worker, the module, payloads out, answers in. */
async function serve(batched) {
  const answers = [];
  const server = createServer((request, response) => {
    const [, folder, name] = request.url.split("/");
    const send = (status, type = "text/plain", body = "") =>
      response.writeHead(status, { "content-type": type }).end(body);
    if (request.url === "/") return send(200, "text/html", "<!doctype html><title>vectors</title>");
    if (folder === "batch") {
      const batch = batched[Number(name)];
      return batch === undefined
        ? send(204)
        : send(200, "application/octet-stream", delimited(batch));
    }
    if (folder === "answers") {
      const body = [];
      request.on("data", (chunk) => body.push(chunk));
      request.on("end", () => {
        const texts = undelimited(Buffer.concat(body));
        answers[Number(name)] = Array.from(texts, (text) => JSON.parse(Buffer.from(text)));
        send(204);
      });
      return undefined;
    }
    const file =
      folder === "generated" ? join(GENERATED, basename(name)) : join(HERE, basename(folder));
    const type = TYPES[file.slice(file.lastIndexOf("."))];
    if (type === undefined) return send(404);
    return readFile(file).then(
      (bytes) => send(200, type, bytes),
      () => send(404),
    );
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, answers, url: `http://127.0.0.1:${server.address().port}/` };
}

// DEC-01, DEC-02, DEC-03, DEC-04, DEC-06, DEC-07, DEC-09, DEC-11
test("a worker of Chromium gives the same verdicts and texts", skippable(everywhere));
