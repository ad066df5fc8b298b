// How long the tasks of a page's threads take, from Chromium's own trace.

const CATEGORIES = ["disabled-by-default-devtools.timeline", "__metadata"];

/** Traces while `work` runs; gives the tasks of the page's main thread and of its workers. */
export async function traced(browser, page, work) {
  await browser.startTracing(page, { categories: CATEGORIES });
  const beganMs = performance.now();
  const worked = await work();
  const tookMs = performance.now() - beganMs;
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  const names = new Map();
  for (const { name, pid, tid, args } of traceEvents) {
    if (name === "thread_name") names.set(`${pid}:${tid}`, args.name);
  }
  const renderers = new Set();
  for (const [at, name] of names) if (name === "CrRendererMain") renderers.add(at.split(":")[0]);
  const threads = { main: [], worker: [] };
  for (const { name, ph, pid, tid, dur, tdur } of traceEvents) {
    if (ph !== "X" || name !== "RunTask" || !renderers.has(String(pid))) continue;
    const thread = names.get(`${pid}:${tid}`) ?? "";
    const task = { wallMs: dur / 1_000, cpuMs: (tdur ?? dur) / 1_000 };
    if (thread === "CrRendererMain") threads.main.push(task);
    else if (thread.startsWith("DedicatedWorker")) threads.worker.push(task);
  }
  return { worked, tookMs, main: sums(threads.main), worker: sums(threads.worker) };
}

function sums(tasks) {
  let cpuMs = 0;
  let longestMs = 0;
  for (const task of tasks) {
    cpuMs += task.cpuMs;
    longestMs = Math.max(longestMs, task.cpuMs);
  }
  const over = (ms) => tasks.filter((task) => task.cpuMs > ms).length;
  return { tasks: tasks.length, cpuMs, longestMs, over8: over(8), over50: over(50) };
}
