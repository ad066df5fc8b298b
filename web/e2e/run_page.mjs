// What the scripts need of the page with a run open.
import { until } from "./steps.mjs";

/**
 * @typedef {object} Row
 * @property {number} index
 * @property {string} id
 * @property {string} kind
 * @property {string} name
 * @property {number} level
 * @property {boolean | null} expanded
 * @property {boolean} trouble
 */

export class RunPage {
  #page;

  /** @param {import("playwright-core").Page} page */
  constructor(page) {
    this.#page = page;
  }

  /** @param {string} id */
  hook(id) {
    return this.#page.locator(`[data-testid="${id}"]`);
  }

  /** @param {string} id */
  async text(id) {
    return ((await this.hook(id).textContent()) ?? "").replace(/\s+/gu, " ").trim();
  }

  known() {
    return this.hook("run-row").count();
  }

  /**
   * Finds a run by its thread and status in the list, and opens it by the keyboard.
   * @param {string} thread
   * @param {string} status
   */
  async openByThread(thread, status) {
    await this.#page.locator("#run-search").fill(thread);
    const found = `[data-testid="run-row"][data-thread="${thread}"][data-status="${status}"]`;
    const row = this.#page.locator(found).first();
    await row.waitFor();
    await row.focus();
    await this.#page.keyboard.press("Enter");
    await until(
      "run",
      () => this.hook("waterfall").count(),
      (count) => count === 1,
    );
    await until(
      "lines",
      () => this.total(),
      (total) => total > 1,
    );
    await this.screenful();
  }

  /** Waits for the rows on the screen to be loaded. */
  screenful() {
    return until(
      "rows on the screen",
      () => this.rows(),
      (rows) => rows.length > 0 && rows.every((row) => row.name !== ""),
    );
  }

  address() {
    return this.#page.evaluate(() => new URLSearchParams(location.search).get("run") ?? "");
  }

  async total() {
    return Number(await this.hook("waterfall").getAttribute("data-total"));
  }

  /** @returns {Promise<Row[]>} */
  rows() {
    return this.#page.evaluate(() =>
      Array.from(document.querySelectorAll('[data-testid="waterfall"] [data-index]'), (row) => ({
        index: Number(row.getAttribute("data-index")),
        id: row.getAttribute("data-id") ?? "",
        kind: row.getAttribute("data-kind") ?? "",
        name: (row.querySelector(".name bdi")?.textContent ?? "").trim(),
        level: Number(row.getAttribute("aria-level")),
        expanded: row.hasAttribute("aria-expanded")
          ? row.getAttribute("aria-expanded") === "true"
          : null,
        trouble: row.classList.contains("trouble"),
        selected: row.getAttribute("aria-selected") === "true",
      })).sort((a, b) => a.index - b.index),
    );
  }

  /** All rows: the runs looked at here fit on few screens. */
  async allRows() {
    /** @type {Map<number, Row>} */
    const seen = new Map();
    const view = this.hook("waterfall");
    const total = await this.total();
    for (let top = 0; seen.size < total && top < 40_000; top += 120) {
      await view.evaluate((element, to) => {
        element.scrollTop = to;
      }, top);
      for (const row of await this.screenful()) seen.set(row.index, row);
    }
    await view.evaluate((element) => {
      element.scrollTop = 0;
    });
    await until(
      "the first row",
      () => this.rows(),
      (rows) => rows[0]?.index === 0 && rows[0].name !== "",
    );
    return [...seen.values()].sort((a, b) => a.index - b.index);
  }

  async selected() {
    const rows = await this.rows();
    const found = rows.find((row) => "selected" in row && row.selected === true);
    return (
      found ?? { index: -1, id: "", kind: "", name: "", level: 0, expanded: null, trouble: false }
    );
  }

  /** @param {number} index */
  async focusRow(index) {
    await this.select(index);
    await this.#page.locator(`[data-testid="waterfall"] [data-index="${index}"]`).focus();
  }

  /** @param {number} index */
  async select(index) {
    await this.#page.locator(`[data-testid="waterfall"] [data-index="${index}"] .name`).click();
    await until(
      "selected",
      () => this.selected(),
      (row) => row.index === index,
    );
  }

  seen() {
    return this.hook("whole").getAttribute("aria-valuetext");
  }

  /** Of each drawn row, by its index, whether the canvas has a bar in it; and what lies below the last. */
  inked() {
    return this.#page.evaluate(() => {
      const canvas = document.querySelector('[data-testid="bars"]');
      if (!(canvas instanceof HTMLCanvasElement)) throw new Error("no canvas");
      const context = canvas.getContext("2d");
      if (context === null) throw new Error("no context");
      const box = canvas.getBoundingClientRect();
      const ratio = canvas.height / box.height;
      const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
      /** @param {number} from @param {number} to */
      const solid = (from, to) => {
        const end = Math.min(height, Math.round(to)) * width * 4;
        let found = 0;
        for (let at = Math.max(0, Math.round(from)) * width * 4 + 3; at < end; at += 4) {
          if ((data[at] ?? 0) > 128) found += 1;
        }
        return found;
      };
      const rows = Array.from(document.querySelectorAll('[data-testid="waterfall"] [data-index]'));
      let last = 0;
      const barred = Object.fromEntries(
        rows.map((row) => {
          const place = row.getBoundingClientRect();
          last = Math.max(last, place.bottom);
          const top = (place.top - box.top + 8) * ratio;
          const found = solid(top, top + (place.height - 16) * ratio);
          return [Number(row.getAttribute("data-index")), found > 4];
        }),
      );
      return { barred, below: solid((last - box.top) * ratio, height) };
    });
  }
}
