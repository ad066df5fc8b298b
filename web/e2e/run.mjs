// Opens runs of the real capture as a person at a keyboard would, and checks what the page says of them.
// Prints one JSON object; exit code 1 on any failed check or anything in the console.
//
//   node run.mjs --url URL --hostile URL --out DIR
//
// Behind `--hostile` is the run that e2e/tests/run_page.rs writes.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { needed } from "./arguments.mjs";
import { isClean, openBrowser } from "./browser.mjs";
import { HOSTILE } from "./foreign.mjs";
import { layout } from "./run_layout.mjs";
import { RunPage } from "./run_page.mjs";
import { accessible, atRest, copiedBy, must, Steps, until } from "./steps.mjs";

const { url, hostile, out } = needed("url", "hostile", "out");
await mkdir(out, { recursive: true });
const { page, trouble, close } = await openBrowser({ width: 1440, height: 1000 });
await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
page.setDefaultTimeout(30_000);
let alerts = 0;
page.on("dialog", (dialog) => {
  alerts += 1;
  void dialog.dismiss();
});
const run = new RunPage(page);
const keys = page.keyboard;
/** @param {string} name */
const shoot = (name) => page.screenshot({ path: join(out, `${name}.png`) });
const home = async () => {
  await page.goto(url, { waitUntil: "load" });
  await until(
    "runs",
    () => run.known(),
    (count) => count > 0,
    60_000,
  );
};
const steps = new Steps(home);
/** @param {string} thread @param {string} status */
const open = async (thread, status) => {
  await home();
  await run.openByThread(thread, status);
};

await home();
await steps.check("TIM-04 UX-11 the waterfall and its treegrid say the same", async () => {
  await open("cap-stream-fail", "failed");
  await shoot("run-failed");
  const rows = await run.allRows();
  const total = await run.total();
  must(rows.length === total, `${rows.length} rows of ${total}`);
  must(
    rows.every((row) => row.level > 0 && row.name !== ""),
    "a row says nothing",
  );
  must(
    rows.some((row) => row.trouble),
    "no row in trouble",
  );
  const spans = rows.filter((row) => row.index > 0 && row.kind !== "point");
  const inked = await until(
    "a bar for every span",
    () => run.inked(),
    (now) => spans.every((row) => now.barred[row.index] === true),
  );
  must(inked.below === 0, "bars below the last row");
  return rows.map((row) => `${"  ".repeat(row.level)}${row.kind} ${row.name}`);
});
await steps.check("STA-20 the status has its rule and its evidence opens", async () => {
  const head = await run.text("run-head");
  must(head.includes("failed") && head.includes("ends a run"), head);
  await run.hook("evidence").click();
  await until(
    "record",
    () => run.hook("detail").count(),
    (count) => count === 1,
  );
  await shoot("run-evidence");
  await keys.press("Escape");
  await until(
    "record",
    () => run.hook("detail").count(),
    (count) => count === 0,
  );
  must((await run.hook("run-head").count()) === 1, "Escape closed the run with the record");
});
await steps.check("UX-15 arrows move, fold and unfold, and the selection follows", async () => {
  await run.focusRow(0);
  await keys.press("ArrowDown");
  const selects = (/** @type {number} */ index) =>
    until(
      `line ${index}`,
      () => run.selected(),
      (row) => row.index === index,
    );
  await selects(1);
  await keys.press("End");
  await selects((await run.total()) - 1);
  await keys.press("Home");
  await selects(0);
  const parents = (await run.allRows()).filter((row) => row.expanded !== null);
  const parent = parents[0];
  if (parent === undefined) throw new Error("nothing to fold");
  const before = await run.total();
  await run.focusRow(parent.index);
  await keys.press("ArrowLeft");
  await until(
    "folded",
    () => run.total(),
    (total) => total < before,
  );
  await keys.press("ArrowRight");
  await until(
    "unfolded",
    () => run.total(),
    (total) => total === before,
  );
  await keys.press("ArrowRight");
  const child = await selects(parent.index + 1);
  must(child.level === 3, JSON.stringify(child));
  await keys.press("ArrowLeft");
  await selects(parent.index);
  return null;
});
await steps.check("UX-15 w, s, a, d and f zoom and pan, and folded time is stated", async () => {
  const whole = await run.seen();
  await keys.press("w");
  const near = await until(
    "zoom",
    () => run.seen(),
    (seen) => seen !== whole,
  );
  await keys.press("d");
  await until(
    "pan",
    () => run.seen(),
    (seen) => seen !== near,
  );
  await keys.press("a");
  await keys.press("s");
  await keys.press("f");
  await until(
    "fit",
    () => run.seen(),
    (seen) => seen === whole,
  );
  return near;
});
await steps.check("UX-11 next error, then the run with one before it, and back", async () => {
  await open("cap-stream-fail", "failed");
  const from = await run.address();
  const inTrouble = () =>
    until(
      "an error",
      () => run.selected(),
      (row) => row.trouble,
    );
  await keys.press("]");
  const first = await inTrouble();
  // No later run of the capture has an error.
  await keys.press("]");
  await page.getByText("No next error, here or in another run").first().waitFor();
  must((await run.address()) === from, "another run was opened");
  await keys.press("[");
  const other = await until(
    "the run before it",
    () => run.address(),
    (address) => address !== from,
  );
  const there = await inTrouble();
  await keys.press("]");
  await until(
    "back",
    () => run.address(),
    (address) => address === from,
  );
  const again = await inTrouble();
  must(again.id === first.id, JSON.stringify({ first, again }));
  return { from, other, there };
});
await steps.check(
  "UX-11 SEC-09 the detail says what was sent; a message opens its record",
  async () => {
    await open("cap-stream-warm", "completed");
    const call = (await run.allRows()).find((row) => row.kind === "model_call");
    if (call === undefined) throw new Error("no model call");
    await run.select(call.index);
    await until(
      "text",
      () => run.text("span-text"),
      (text) => text.length > 10,
    );
    await shoot("run-text");
    const messages = await run.hook("span-messages").locator("button").count();
    must(messages > 1, `${messages} messages`);
    await run.hook("span-messages").locator("button").first().click();
    await until(
      "record",
      () => run.hook("detail").count(),
      (count) => count === 1,
    );
    await keys.press("Escape");
    return run.text("span-text");
  },
);
await steps.check(
  "UX-18 a link opened cold lands on the same run and line; Back goes back",
  async () => {
    const link = await copiedBy(page, run.hook("copy-run-link"));
    const before = { run: await run.address(), row: await run.selected() };
    must(link.includes("run=") && link.includes("span="), link);
    await page.goto("about:blank");
    await page.goto(link, { waitUntil: "load" });
    await until(
      "run",
      () => run.address(),
      (address) => address === before.run,
      60_000,
    );
    const after = await until(
      "line",
      () => run.selected(),
      (row) => row.name === before.row.name,
    );
    must(after.id === before.row.id, JSON.stringify({ before, after }));
    await home();
    await run.openByThread("cap-stream-fail", "failed");
    await page.goBack();
    await until(
      "list",
      () => run.hook("run-row").count(),
      (count) => count > 0,
    );
  },
);
await steps.check(
  "PRO-08 STA-20 waiting is a line, and the runs of a thread lead to each other",
  async () => {
    await open("cap-interrupt", "interrupted");
    const rows = await run.allRows();
    must(
      rows.some((row) => row.kind === "wait"),
      JSON.stringify(rows),
    );
    await shoot("run-interrupt");
    const from = await run.address();
    await run.hook("related-run").click();
    await until(
      "resumed",
      () => run.address(),
      (address) => address !== from,
    );
    await run.hook("previous-run").click();
    await until(
      "back",
      () => run.address(),
      (address) => address === from,
    );
  },
);
await steps.check("PRO-02 UX-03 a loss is a line where it is", async () => {
  await open("cap-oversize", "completed");
  const rows = await run.allRows();
  must(
    rows.some((row) => row.kind === "gap" && /missing/.test(row.name)),
    JSON.stringify(rows),
  );
  await shoot("run-gap");
  return run.text("run-losses");
});
await steps.check("a run is copied as Markdown", async () => {
  await open("cap-stream-fail", "failed");
  const text = await copiedBy(page, run.hook("copy-markdown"));
  must(text.startsWith("### Run failed: `"), text);
  must(/- Thread: `cap-stream-fail`/.test(text) && text.includes("First error"), text);
  return text;
});
await steps.check("SEC-09 what a hostile run says is text everywhere", async () => {
  await page.goto(new URL("?run=0%3A0%3A0", hostile).href, { waitUntil: "load" });
  await until(
    "lines",
    () => run.total().catch(() => 0),
    (total) => total >= 4,
    60_000,
  );
  const rows = await run.allRows();
  const said = rows.filter((row) => row.name === HOSTILE).map((row) => row.kind);
  const kinds = ["run", "attempt", "model_call", "tool_call"];
  must(
    kinds.every((kind) => said.includes(kind)),
    JSON.stringify(rows),
  );
  await until(
    "error",
    () => run.hook("run-error").textContent(),
    (now) => now === HOSTILE,
  );
  const turned = await run.hook("run-head").evaluate((head) =>
    Array.from(head.querySelectorAll("bdi"), (name) => {
      const after = document.createRange();
      if (name.nextSibling === null) return "";
      after.selectNode(name.nextSibling);
      const [left, right] = [
        after.getBoundingClientRect().left,
        name.getBoundingClientRect().right,
      ];
      return left < right - 1 ? `${left} < ${right}` : "";
    }).filter((found) => found !== ""),
  );
  must(turned.length === 0, `what stands after a name is before it: ${turned.join()}`);
  const call = rows.find((row) => row.kind === "model_call");
  await run.select(call?.index ?? -1);
  await until(
    "text",
    () => run.hook("span-text").textContent(),
    (text) => text?.trim() === HOSTILE,
  );
  await shoot("run-hostile");
  const images = await page.locator('img[src="x"], [onerror]').count();
  must(images === 0 && alerts === 0, `${images} images, ${alerts} alerts`);
  await accessible(page);
  await open("cap-stream-fail", "failed");
});
await steps.check("BND-15 only the rows on the screen are in the page", async () => {
  const rows = await page.locator('[data-testid="waterfall"] [data-index]').count();
  must(rows < 80, `${rows} rows`);
});
await layout(steps, page, run, open);
for (const scheme of /** @type {const} */ (["light", "dark"])) {
  await steps.check(`UX-15 nothing is inaccessible, ${scheme}`, async () => {
    await page.emulateMedia({ colorScheme: scheme });
    await open("cap-stream-fail", "failed");
    await keys.press("]");
    await until(
      "error",
      () => run.selected(),
      (row) => row.trouble,
    );
    await atRest(page);
    await shoot(`run-${scheme}`);
    await accessible(page);
  });
}
await steps.check(
  "UX-15 nothing is only colour with forced colours, or outside a narrow page",
  async () => {
    await page.emulateMedia({ forcedColors: "active", colorScheme: "light" });
    await atRest(page);
    await shoot("run-forced");
    await accessible(page);
    await page.emulateMedia({ forcedColors: "none" });
    await page.setViewportSize({ width: 720, height: 500 });
    await until(
      "pixels that the page is too wide",
      () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
      (now) => now <= 0,
    );
    await shoot("run-narrow");
    await accessible(page);
  },
);
await close();
const ok = steps.ok && isClean(trouble);
process.stdout.write(`${JSON.stringify({ ok, checks: steps.results, ...trouble }, null, 2)}\n`);
process.exitCode = ok ? 0 : 1;
