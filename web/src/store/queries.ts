/** The query loop: at most one query in flight, and only for what is on the screen. */
import type { PanelAnswers, QueryMessage, ViewMessage } from "../generated/decode_wasm.js";
import type { Asking } from "./channel.js";

/** What the loop needs of a panel's channel. */
export interface Line {
  isDue(nowMs: number): boolean;
  ask(into: Asking): void;
  take(panels: PanelAnswers, nowMs: number, idle: boolean): void;
  forget(): void;
}

/** A worker that leaves a query open this long, counted in frames the page did run, is wedged. */
const ANSWER_WAIT_MS_MAX = 20_000;
/** Longest step one frame adds to that wait, so that a sleeping machine accuses nobody. */
const FRAME_STEP_MS_MAX = 250;

export class Queries {
  readonly #lines: { readonly line: Line; readonly isShown: () => boolean }[] = [];
  readonly #post: (message: QueryMessage) => void;
  readonly #wedged: () => void;
  #nextId = 1;
  #open: number | null = null;
  #waitedMs = 0;
  #frameMs = 0;

  constructor(post: (message: QueryMessage) => void, wedged: () => void) {
    this.#post = post;
    this.#wedged = wedged;
  }

  /** A line is asked for only while what it serves is shown. */
  add(line: Line, isShown: () => boolean = () => true): void {
    this.#lines.push({ line, isShown });
  }

  frame(nowMs: number): void {
    const stepMs = Math.min(FRAME_STEP_MS_MAX, nowMs - this.#frameMs);
    this.#frameMs = nowMs;
    if (this.#open !== null) {
      this.#waitedMs += stepMs;
      if (this.#waitedMs > ANSWER_WAIT_MS_MAX) this.#wedged();
      return;
    }
    const due = this.#lines.filter(({ line, isShown }) => isShown() && line.isDue(nowMs));
    if (due.length === 0) return;
    const panels: Asking = {};
    for (const { line } of due) line.ask(panels);
    this.#open = this.#nextId;
    this.#nextId += 1;
    this.#waitedMs = 0;
    // Each line puts in what its own panel can be asked.
    this.#post({ type: "query", id: this.#open, panels: panels });
  }

  /** Takes an answer, unless nobody waits for it any more. */
  take(view: ViewMessage, nowMs: number): void {
    if (view.id !== this.#open) return;
    this.#open = null;
    const idle = Object.keys(view.panels).length === 0;
    for (const { line } of this.#lines) line.take(view.panels, nowMs, idle);
  }

  /** What the worker knew is gone. */
  forget(): void {
    this.#open = null;
    this.#waitedMs = 0;
    for (const { line } of this.#lines) line.forget();
  }
}
