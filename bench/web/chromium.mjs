// Measures in a worker of Chromium what it is told to, a line of JSON in, a line of JSON out. Processor time is
// that of the renderer's process, its compiler and collector threads included.
//
//     node bench/web/chromium.mjs CORPUS_DIR GENERATED_DIR PLAYWRIGHT_DIR
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { basename, join, normalize } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { CHROMIUM_FLAGS } from "../../web/e2e/flags.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const [corpora, generated, playwright] = process.argv.slice(2);
const FLAGS = [...CHROMIUM_FLAGS, "--js-flags=--expose-gc"];
const TYPES = {
  ".mjs": "text/javascript",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
};
const DEADLINE_MS = 120_000;

/** A loopback server of what the worker loads. */
async function serve() {
  const folders = {
    npm: join(HERE, "node_modules"),
    generated,
    corpus: corpora,
  };
  const server = createServer((request, response) => {
    const send = (status, type, body) =>
      response.writeHead(status, { "content-type": type }).end(body);
    const path = normalize(request.url).slice(1);
    if (path === "") return send(200, "text/html", "<!doctype html><title>bench</title>");
    const [first] = path.split("/");
    const folder = folders[first];
    const file =
      folder === undefined ? join(HERE, basename(path)) : join(folder, path.slice(first.length));
    const type = TYPES[file.slice(file.lastIndexOf("."))] ?? "application/octet-stream";
    return readFile(file).then(
      (bytes) => send(200, type, bytes),
      () => send(404, "text/plain", ""),
    );
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, url: `http://127.0.0.1:${server.address().port}/` };
}

/** Runs in the page: starts the worker, and leaves a function that asks it. */
function startWorker(deadline) {
  const worker = new Worker("/worker.mjs", { type: "module" });
  const next = () =>
    new Promise((resolve, reject) => {
      worker.onmessage = (event) => resolve(event.data);
      worker.onerror = (event) => reject(new Error(event.message ?? "the worker could not start"));
      setTimeout(() => reject(new Error("no answer from the worker")), deadline);
    });
  globalThis.ask = (request) => {
    const answer = next();
    worker.postMessage(request);
    return answer;
  };
  return next();
}

async function main() {
  const { chromium } = createRequire(import.meta.url)(playwright);
  const executablePath = process.env.DASHSTREAM_CHROMIUM ?? "/usr/bin/chromium";
  const { server, url } = await serve();
  const browser = await chromium.launch({ executablePath, headless: true, args: FLAGS });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(DEADLINE_MS);
    await page.goto(url);
    await page.evaluate(startWorker, DEADLINE_MS);
    const ask = (request) => page.evaluate((request) => globalThis.ask(request), request);
    const renderers = await rendererIds(browser);
    console.log(JSON.stringify({ engine: `Chromium ${browser.version()}` }));
    for await (const line of createInterface({ input: process.stdin })) {
      const request = JSON.parse(line);
      if (request.seconds === 0) {
        console.log(JSON.stringify(await ask(request)));
        continue;
      }
      await ask({ ...request, seconds: undefined });
      const before = await cpuSeconds(renderers);
      const answer = await ask(request);
      answer.cpu_seconds = (await cpuSeconds(renderers)) - before;
      console.log(JSON.stringify(answer));
    }
  } finally {
    await browser.close();
    server.closeAllConnections();
    server.close();
  }
}

async function rendererIds(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  return processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
}

/** User and system time of these processes, all threads, from the kernel in ticks of 10 ms. */
async function cpuSeconds(ids) {
  let ticks = 0;
  for (const id of ids) {
    const stat = await readFile(`/proc/${id}/stat`, "utf8");
    // The name before it is in parentheses and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / 100;
}

await main();
