// Measures in a worker of Chromium what it is told to, a line of JSON in, a line of JSON out. Processor time is
// that of the renderer's process, its compiler and collector threads included.
//
//     node bench/web/chromium.mjs CORPUS_DIR GENERATED_DIR PLAYWRIGHT_DIR
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { cpuSeconds, launch, rendererIds, serve } from "./browser.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const [corpora, generated, playwright] = process.argv.slice(2);
const DEADLINE_MS = 120_000;

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
  const folders = { npm: join(HERE, "node_modules"), generated, corpus: corpora };
  const { url, close } = await serve(folders);
  const browser = await launch(playwright, ["--js-flags=--expose-gc"]);
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
    close();
  }
}

await main();
