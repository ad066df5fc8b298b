// The event list as a whole: only the rows on the screen are drawn, so it is read screen by screen.
import { createHash } from "node:crypto";
import { settled, until } from "./steps.mjs";

const ROW_PX = 28;

/**
 * @typedef {object} Listed
 * @property {number} at
 * @property {string} kind
 * @property {string} position
 * @property {string} index
 * @property {string} time
 * @property {string} type
 * @property {string} thread
 * @property {string} node
 * @property {string} text
 */

/** @param {import("playwright-core").Page} page */
const drawn = (page) =>
  page.evaluate(() =>
    Array.from(document.querySelectorAll('#events [data-testid="event-row"][data-row]'), (row) => {
      const cells = Array.from(row.children, (cell) => (cell.textContent ?? "").trim());
      const isTrouble = row.querySelector(".cause") !== null;
      return {
        at: Number(row.getAttribute("data-index")),
        kind: row.getAttribute("data-kind") ?? "",
        position: `${row.getAttribute("data-partition")}:${row.getAttribute("data-offset")}`,
        index: row.getAttribute("data-index-in-batch") ?? "",
        time: row.getAttribute("data-kind") === "gap" ? "" : (cells[0] ?? ""),
        type: cells[1] ?? "",
        thread: isTrouble ? "" : (cells[3] ?? ""),
        node: isTrouble ? "" : (cells[4] ?? ""),
        text: cells.join("|"),
      };
    }),
  );

/** @param {import("playwright-core").Page} page */
const rowCount = async (page) =>
  Number((await page.locator("#events [role=grid]").getAttribute("aria-rowcount")) ?? "1") - 1;

/**
 * Every row of the list, or the first of them, in its order.
 * @param {import("playwright-core").Page} page
 * @returns {Promise<Listed[]>}
 */
export async function allEvents(page, most = Infinity) {
  const grid = page.locator("#events [role=grid]");
  const total = await settled("number of rows", () => rowCount(page), Number);
  /** @type {Map<number, Listed>} */
  const seen = new Map();
  let first = 0;
  while (first < Math.min(total, most)) {
    await grid.evaluate((element, top) => {
      element.scrollTop = top;
    }, first * ROW_PX);
    const rows = await until(
      `row ${first}`,
      () => drawn(page),
      (now) => now.some((row) => row.at === first),
    );
    for (const row of rows) seen.set(row.at, row);
    while (seen.has(first)) first += 1;
  }
  await grid.evaluate((element) => {
    element.scrollTop = 0;
  });
  return [...seen.values()].sort((a, b) => a.at - b.at);
}

/**
 * @param {import("playwright-core").Page} page
 * @param {string} name
 */
export function inAddress(page, name) {
  return async () => new URL(page.url()).searchParams.get(name);
}

export class List {
  #page;

  /** @param {import("playwright-core").Page} page */
  constructor(page) {
    this.#page = page;
  }

  total() {
    return rowCount(this.#page);
  }

  /** Waits until all of the history has come. */
  async loaded() {
    const page = this.#page;
    await until(
      "live",
      () => page.locator('[data-testid="phase"]').getAttribute("data-phase"),
      (phase) => phase === "live",
      60_000,
    );
    let before = -1;
    await until(
      "all rows",
      async () => {
        const now = await this.total();
        const still = now > 0 && now === before;
        before = now;
        await page.waitForTimeout(400);
        return still;
      },
      (still) => still,
      60_000,
    );
  }

  /**
   * One number for what a list says.
   * @param {Listed[]} rows
   */
  digest(rows) {
    const lines = rows.map((row) => `${row.position}:${row.index} ${row.kind} ${row.text}`);
    return createHash("sha256").update(lines.join("\n")).digest("hex");
  }

  /**
   * Whether a row lies within the list's box.
   * @param {import("playwright-core").Locator} row
   */
  async isSeen(row) {
    if ((await row.count()) === 0) return false;
    const [inner, outer] = [
      await row.first().boundingBox(),
      await this.#page.locator("#events [role=grid]").boundingBox(),
    ];
    if (inner === null || outer === null) return false;
    return inner.y >= outer.y && inner.y + inner.height <= outer.y + outer.height + 1;
  }
}
