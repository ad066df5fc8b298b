// What the measurements in Chromium share: the browser, a server of what a worker loads, processor time and memory.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { CHROMIUM_FLAGS } from "../../web/e2e/flags.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const TYPES = {
  ".mjs": "text/javascript",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
};

/** Starts Chromium with a profile of its own: nothing is cached, and nothing compiled. */
export async function launch(playwright, flags = []) {
  const { chromium } = createRequire(import.meta.url)(playwright);
  return chromium.launch({
    executablePath: process.env.DASHSTREAM_CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: [...CHROMIUM_FLAGS, ...flags],
  });
}

/**
 * A loopback server: the first part of a path chooses one of these folders, anything else is a file of this one.
 * `changed` may put another text in the place of a file's.
 */
export async function serve(folders, changed = (_path, bytes) => bytes) {
  const server = createServer((request, response) => {
    const send = (status, type, bytes) =>
      response.writeHead(status, { "content-type": type }).end(bytes);
    const path = normalize(request.url).slice(1);
    if (path === "") return send(200, "text/html", "<!doctype html><title>bench</title>");
    const [first] = path.split("/");
    const folder = folders[first];
    const file =
      folder === undefined ? join(HERE, path) : join(folder, path.slice(first.length));
    const type = TYPES[file.slice(file.lastIndexOf("."))] ?? "application/octet-stream";
    return readFile(file).then(
      (bytes) => send(200, type, changed(path, bytes)),
      () => send(404, "text/plain", ""),
    );
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${server.address().port}/`, close };
}

/** The processes in which this browser's pages and their workers run. */
export async function rendererIds(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  return processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
}

/** User and system time of these processes, all threads, from the kernel in ticks of 10 ms. */
export async function cpuSeconds(ids) {
  let ticks = 0;
  for (const id of ids) {
    const stat = await readFile(`/proc/${id}/stat`, "utf8");
    // The name before it is in parentheses and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / 100;
}

/** JavaScript's heaps of a page and its workers once what is garbage is gone, array buffers included. */
export async function heapBytes(page) {
  const session = await page.context().newCDPSession(page);
  const answers = new Map();
  let last = 0;
  session.on("Target.receivedMessageFromTarget", ({ message }) => {
    const { id, result, error } = JSON.parse(message);
    answers.get(id)?.(result ?? error);
  });
  const workers = [];
  session.on("Target.attachedToTarget", ({ sessionId }) => workers.push(sessionId));
  const auto = { autoAttach: true, waitForDebuggerOnStart: false, flatten: false };
  await session.send("Target.setAutoAttach", auto);
  const ask = (sessionId, method) =>
    new Promise((resolve) => {
      last += 1;
      answers.set(last, resolve);
      const message = JSON.stringify({ id: last, method });
      void session.send("Target.sendMessageToTarget", { sessionId, message });
    });
  const used = ({ usedSize, backingStorageSize = 0 }) => usedSize + backingStorageSize;
  await session.send("HeapProfiler.collectGarbage");
  const heaps = { page: used(await session.send("Runtime.getHeapUsage")), workers: 0 };
  for (const worker of workers) {
    await ask(worker, "HeapProfiler.collectGarbage");
    heaps.workers += used(await ask(worker, "Runtime.getHeapUsage"));
  }
  await session.detach();
  return heaps;
}
