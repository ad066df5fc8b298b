// A capture read by a worker: the product's, or that of a page without the module. What is timed is the processor
// time of the whole process, from the file to the last record, with the questions that a screen asks in between.
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cpuSeconds, heapBytes, launch, rendererIds, serve } from "../browser.mjs";

const HERE = fileURLToPath(new URL("..", import.meta.url));
const DEADLINE_MS = 600_000;
/** Lets the memory of the module be looked at from outside. */
const SPY = `
const instantiate = WebAssembly.instantiate;
WebAssembly.instantiate = async (...all) => {
  const made = await instantiate.apply(WebAssembly, all);
  self.moduleMemory = (made.instance ?? made).exports.memory;
  return made;
};
`;

/** Runs in the page: starts a contender's worker, and leaves functions that use it. */
function prepare({ worker: script, module, everyMs }) {
  const worker = new Worker(script, { type: "module" });
  const waiting = [];
  worker.onmessage = ({ data }) => waiting.shift()?.(data);
  const next = () => new Promise((resolve) => waiting.push(resolve));
  const ask = (message) => {
    const answer = next();
    worker.postMessage(message);
    return answer;
  };
  const pause = () => new Promise((resolve) => setTimeout(resolve, everyMs));
  /** What the page asks for while a capture is read, with the list of runs on the screen. */
  const runsOf = (first, count, sort = "started") => ({
    first,
    count,
    groups: [],
    text: "",
    sort,
    ascending: sort === "thread",
    pinned: [],
    frozenAt: null,
    complete: true,
    known: 0,
  });
  const query = (panels) => ask({ type: "query", id: 1, panels });
  const ours = {
    start: async () => {
      const hello = next();
      worker.postMessage(await WebAssembly.compileStreaming(fetch(module)));
      const { type, message } = await hello;
      if (type !== "ready") throw new Error(message);
      worker.postMessage({ type: "start", url: "", from: "earliest", digest: false });
    },
    open: (file) => worker.postMessage({ type: "open", file }),
    look: async () => {
      const panels = { connection: { known: 0 }, totals: { known: 0 }, file: { known: 0 } };
      const answer = await query({ ...panels, runs: runsOf(0, 60) });
      return { done: answer.panels.file.state === "done", runs: answer.panels.runs.runs.serial.length };
    },
    digest: async () => {
      const lines = [];
      // An answer is bounded in bytes, so that it may hold fewer lines than were asked for.
      for (let total = 1; lines.length < total; ) {
        const { runs } = (await query({ runs: runsOf(lines.length, 1_000, "thread") })).panels;
        total = runs.total;
        const { id, status, tokens, startUs, endUs } = runs.runs;
        if (startUs.length === 0) throw new Error(`only ${lines.length} of ${total} runs`);
        for (let at = 0; at < startUs.length; at += 1) {
          const us = endUs[at] < 0 ? -1 : endUs[at] - startUs[at];
          lines.push([runs.strings[id[at]], runs.strings[status[at]], tokens[at], us].join(" "));
        }
      }
      return lines;
    },
  };
  const theirs = {
    start: next,
    open: (file) => worker.postMessage({ open: file }),
    look: async () => {
      const { done, answer } = await ask({});
      return { done, runs: answer.runs.length };
    },
    digest: async () => (await ask({ digest: true })).digest,
  };
  const contender = module === undefined ? theirs : ours;
  globalThis.contender = contender;
  globalThis.readWhole = async () => {
    const [file] = document.querySelector("input").files;
    const beganMs = performance.now();
    contender.open(file);
    let firstMs = null;
    for (;;) {
      const { done, runs } = await contender.look();
      if (runs > 0) firstMs ??= performance.now() - beganMs;
      if (done) return { firstMs, wholeMs: performance.now() - beganMs };
      await pause();
    }
  };
  globalThis.digestOfRuns = async () => {
    const lines = (await contender.digest()).sort();
    const bytes = new TextEncoder().encode(lines.join("\n"));
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    return { runs: lines.length, sample: lines.slice(0, 3), sha256: Array.from(hash, (b) => b.toString(16)).join(" ") };
  };
  document.body.innerHTML = "<input type=file>";
  return contender.start().then(() => undefined);
}

/** One reading of a capture by one contender, in a browser of its own. */
export async function row({ contender, capture, dist, schema, playwright, everyMs = 100 }) {
  const assets = readdirSync(join(dist, "assets"));
  const asset = (pattern) => `/dist/assets/${assets.find((name) => pattern.test(name))}`;
  const script = asset(/^worker-.*\.js$/u);
  const ours = { worker: script, module: asset(/^decode_wasm_bg-.*\.wasm$/u), everyMs };
  const theirs = { worker: "/rival.mjs", everyMs };
  const folders = { npm: join(HERE, "node_modules"), dist, schema: dirname(schema) };
  const { url, close } = await serve(folders, (path, bytes) => `/${path}` === script ? SPY + bytes : bytes);
  const browser = await launch(playwright);
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(DEADLINE_MS);
    await page.goto(url);
    await page.evaluate(prepare, contender === "js" ? theirs : ours);
    await page.setInputFiles("input", capture);
    const renderers = await rendererIds(browser);
    const empty = await memory(page);
    const before = await cpuSeconds(renderers);
    const times = await page.evaluate(() => globalThis.readWhole());
    const cpu = (await cpuSeconds(renderers)) - before;
    const digest = await page.evaluate(() => globalThis.digestOfRuns());
    return { ...times, cpuSeconds: cpu, digest, empty, memory: await memory(page) };
  } finally {
    await browser.close();
    close();
  }
}

async function memory(page) {
  const [worker] = page.workers();
  const module = await worker.evaluate(() => self.moduleMemory?.buffer.byteLength ?? 0);
  const { page: main, workers } = await heapBytes(page);
  return { module, heaps: main + workers };
}
