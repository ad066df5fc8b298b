// What lies between page and relay: a connection that died unnoticed, and two builds of the page behind one
// balancer. Prints one JSON object; exit code 1 on any failed check.
//
//   node between.mjs --url URL --out DIR
import { mkdir } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { needed } from "./arguments.mjs";
import { openBrowser } from "./browser.mjs";
import { must, Steps, until } from "./steps.mjs";

const values = needed("url", "out");
const { out } = values;
const relay = new URL(values.url);
await mkdir(out, { recursive: true });

/** A way to the relay that can stop carrying bytes while its connections stay open. */
function makeWay() {
  const server = createServer((near) => {
    const far = connect(Number(relay.port), relay.hostname);
    for (const [from, to] of /** @type {const} */ ([
      [near, far],
      [far, near],
    ])) {
      const carries = () => !dead.has(near);
      from.on("data", (bytes) => {
        if (!carries()) return;
        if (bytes.subarray(0, UPGRADED.length).equals(UPGRADED)) sockets += 1;
        to.write(bytes);
      });
      from.on("close", () => to.destroy());
      from.on("error", () => to.destroy());
    }
    open.add(near);
    near.on("close", () => open.delete(near));
  });
  /** @type {Set<import("node:net").Socket>} */
  const open = new Set();
  /** @type {Set<import("node:net").Socket>} */
  const dead = new Set();
  let sockets = 0;
  return {
    /** WebSockets that the relay has opened for the page. */
    sockets: () => sockets,
    /** @returns {Promise<string>} */
    listen: () =>
      new Promise((resolve) => {
        server.listen(0, "127.0.0.1", () => {
          const address = server.address();
          const port = typeof address === "object" && address !== null ? address.port : 0;
          resolve(`http://127.0.0.1:${port}/`);
        });
      }),
    /** What is open now carries nothing any more; what comes later does. */
    die: () => {
      for (const socket of open) dead.add(socket);
    },
    close: () => {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}

const UPGRADED = Buffer.from("HTTP/1.1 101 ");
const { page, close } = await openBrowser();
page.setDefaultTimeout(30_000);
const phase = () => page.locator('[data-testid="phase"]').getAttribute("data-phase");
const live = (/** @type {number} */ ms) => until("phase", phase, (now) => now === "live", ms);
const steps = new Steps(async () => undefined);

await steps.check("X37 a page that wakes over a dead connection knows within 5 s", async () => {
  const way = makeWay();
  try {
    return await wakeOver(way);
  } finally {
    await page.goto("about:blank");
    way.close();
  }
});

/** @param {ReturnType<typeof makeWay>} way */
async function wakeOver(way) {
  await page.goto(await way.listen(), { waitUntil: "load" });
  await live(60_000);
  way.die();
  await page.waitForTimeout(2_000);
  must((await phase()) === "live", "nobody can know before the page asks");
  const before = way.sockets();
  const wokenMs = performance.now();
  await page.evaluate(() => document.dispatchEvent(new Event("resume")));
  // The phase may be "live" again before anybody could look at it: the first wait can be none.
  const sockets = () => Promise.resolve(way.sockets());
  await until("sockets", sockets, (now) => now > before, 6_000);
  const tookMs = Math.round(performance.now() - wokenMs);
  must(tookMs <= 5_000, `it took ${tookMs} ms`);
  await live(30_000);
  return { tookMs };
}

await steps.check("X30 files of another build are gone: the page reloads and works", async () => {
  let gone = 0;
  await page.route("**/assets/index-*", (route) => {
    gone += 1;
    return gone <= 2 ? route.fulfill({ status: 404, body: "Not found" }) : route.continue();
  });
  await page.goto(relay.href, { waitUntil: "commit" });
  await live(60_000);
  must(gone > 2, "no file was asked for again");
  await page.unroute("**/assets/index-*");
  await page.evaluate(() => sessionStorage.clear());
  return { gone };
});

await steps.check("X30 and where they stay gone, it says what to do and is not blank", async () => {
  await page.route("**/assets/*", (route) => route.fulfill({ status: 404, body: "Not found" }));
  await page.goto(relay.href, { waitUntil: "commit" });
  const text = () => page.locator("body").innerText();
  await until("text", text, (now) => now.includes("reload the page"), 20_000);
  await page.waitForTimeout(1_500);
  must((await text()).includes("reload the page"), "the text went away");
  await page.screenshot({ path: join(out, "files-gone.png") });
  await page.unroute("**/assets/*");
  await page.getByRole("link", { name: "reload the page" }).click();
  await live(60_000);
});

await close();
process.stdout.write(`${JSON.stringify({ ok: steps.ok, checks: steps.results }, null, 2)}\n`);
process.exitCode = steps.ok ? 0 : 1;
