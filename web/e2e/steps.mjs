// The walk's checks: each has a name, and a failed one does not hide the ones after it.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export class Steps {
  /** @type {{ name: string, ok: boolean, seen: unknown }[]} */
  #results = [];
  #recover;

  /** @param {() => Promise<unknown>} recover Brings the page back to its start after a failed check. */
  constructor(recover) {
    this.#recover = recover;
  }

  /**
   * Runs one check; what it returns is printed beside its name.
   * @param {string} name
   * @param {() => Promise<unknown>} check
   */
  async check(name, check) {
    try {
      this.#results.push({ name, ok: true, seen: (await check()) ?? null });
    } catch (error) {
      this.#results.push({
        name,
        ok: false,
        seen: error instanceof Error ? error.message : String(error),
      });
      await this.#recover();
    }
  }

  get results() {
    return this.#results;
  }

  get ok() {
    return this.#results.length > 0 && this.#results.every((result) => result.ok);
  }
}

/**
 * @param {boolean} condition
 * @param {string} otherwise
 */
export function must(condition, otherwise) {
  if (!condition) throw new Error(otherwise);
}

/** Long, because a busy machine may stall for seconds; only a check that fails waits for all of it. */
const PATIENCE_MS = 30_000;
const SETTLE_MS = 300;

/**
 * Asks until it is so; fails with the last answer after the deadline. What follows a key or a click is asked
 * for with this: the page answers in a task of its own.
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} ask
 * @param {(answer: T) => boolean} isSo
 */
export async function until(what, ask, isSo, timeoutMs = PATIENCE_MS) {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (isSo(answer)) return answer;
    if (performance.now() > endMs) throw new Error(`${what}: still ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/**
 * Asks until two answers in a row are the same: what was under way may still change the page after a key.
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} ask
 * @param {(answer: T) => string | number} keyOf by what answers are compared
 */
export async function settled(what, ask, keyOf) {
  /** @type {string | number | null} */
  let before = null;
  const next = async () => {
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    return ask();
  };
  return until(what, next, (answer) => {
    const key = keyOf(answer);
    const isSame = key === before;
    before = key;
    return isSame;
  });
}

/**
 * Presses a button that copies, and gives what it copied. Some texts are made by the worker first.
 * @param {import("playwright-core").Page} page
 * @param {import("playwright-core").Locator} button
 */
export async function copiedBy(page, button) {
  await page.evaluate(() => navigator.clipboard.writeText(""));
  await button.click();
  const held = () => page.evaluate(() => navigator.clipboard.readText());
  return until("clipboard", held, (text) => text !== "");
}

/**
 * Runs the accessibility rules of WCAG 2.2 A and AA, and the good habits, over the page as it stands.
 * @param {import("playwright-core").Page} page
 */
export async function accessible(page) {
  await atRest(page);
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    // @ts-expect-error axe is put in at run time
    const report = await window.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
    return report.violations.map(
      /** @param {{ id: string, nodes: { html: string, failureSummary: string }[] }} violation */
      (violation) => ({
        rule: violation.id,
        count: violation.nodes.length,
        first: violation.nodes[0]?.html.slice(0, 200),
        why: violation.nodes[0]?.failureSummary,
      }),
    );
  });
  must(found.length === 0, JSON.stringify(found));
}

/**
 * Waits for what moves or changes its colour to have done so; what never ends is not waited for.
 * @param {import("playwright-core").Page} page
 */
export async function atRest(page) {
  await page.evaluate(async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    // What has just been set begins to move with the next frame.
    await frame();
    await frame();
    const ending = document
      .getAnimations()
      .filter((one) => one.effect?.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(ending.map((one) => one.finished));
  });
}

/**
 * Waits for the focus to be where it should be.
 * @param {import("playwright-core").Page} page
 * @param {(at: { name: string, ring: boolean, index: number | null }) => boolean} isThere
 */
export function focusIs(page, isThere) {
  return until("the focus", () => focused(page), isThere);
}

/**
 * What the focus is on, in words.
 * @param {import("playwright-core").Page} page
 */
export async function focused(page) {
  return page.evaluate(() => {
    const at = document.activeElement;
    if (!(at instanceof HTMLElement) || at === document.body)
      return { name: "", ring: false, index: null };
    const style = getComputedStyle(at);
    return {
      name:
        at.dataset["testid"] ??
        at.getAttribute("aria-label") ??
        (at.id || (at.textContent ?? "").trim().slice(0, 40)),
      ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
      index: at.dataset["index"] === undefined ? null : Number(at.dataset["index"]),
    };
  });
}

/**
 * The rendered rows of the event list.
 * @param {import("playwright-core").Page} page
 */
export async function eventRows(page) {
  return page.evaluate(() =>
    Array.from(document.querySelectorAll('[data-testid="event-row"][data-row]'), (row) => ({
      row: Number(row.getAttribute("data-row")),
      kind: row.getAttribute("data-kind") ?? "",
      newer: row.hasAttribute("data-newer"),
      failure: row.classList.contains("error"),
      position: `${row.getAttribute("data-partition")}:${row.getAttribute("data-offset")}`,
      cells: Array.from(row.children, (cell) => (cell.textContent ?? "").trim()),
    })),
  );
}

/**
 * The lines of the open record's message that are drawn.
 * @param {import("playwright-core").Page} page
 */
export async function messageLines(page) {
  return page.evaluate(() =>
    Array.from(document.querySelectorAll('[data-testid="json"] [data-key]'), (row) => ({
      key: row.getAttribute("data-key") ?? "",
      level: Number(row.getAttribute("aria-level")),
      text: row.textContent ?? "",
    })),
  );
}
