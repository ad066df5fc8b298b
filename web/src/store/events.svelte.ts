/** What the event list shows: filter, place, whether it follows the newest row, and the open row. */
import type { EventFilter } from "../generated/decode_wasm.js";
import { FILTER_CHARS_MAX } from "../base/url.js";

/**
 * `follow`: the newest row is on top. `hold`: the reader scrolled away or moves through the rows;
 * scrolling back to the top follows again. `pause`: asked for, and stays until the reader says otherwise.
 */
export type FollowMode = "follow" | "hold" | "pause";

export class EventsState {
  mode = $state<FollowMode>("follow");
  /** Row id the list is frozen at while it does not follow. */
  frozenAt = $state<number | null>(null);
  text = $state("");
  thread = $state<string | null>(null);
  kinds = $state.raw<readonly string[]>([]);
  troubleOnly = $state(false);
  /** Row whose detail is open. */
  selected = $state<number | null>(null);
  /** Rises whenever the list must show its top. */
  topSignal = $state(0);
  /** Rows the list wants. */
  range = $state.raw({ first: 0, count: 60 });

  readonly filter: EventFilter = $derived({
    text: this.text.trim(),
    thread: this.thread,
    kinds: this.kinds,
    troubleOnly: this.troubleOnly,
  });
  readonly filtered = $derived(
    this.filter.text !== "" || this.thread !== null || this.kinds.length > 0 || this.troubleOnly,
  );

  readonly #newestRow: () => number | null;

  constructor(newestRow: () => number | null) {
    this.#newestRow = newestRow;
  }

  setText(text: string): void {
    this.text = text.slice(0, FILTER_CHARS_MAX);
    this.#showTop();
  }

  setThread(thread: string | null): void {
    this.thread = thread;
    this.#showTop();
  }

  toggleKind(kind: string): void {
    this.kinds = this.kinds.includes(kind)
      ? this.kinds.filter((other) => other !== kind)
      : [...this.kinds, kind];
    this.#showTop();
  }

  setTroubleOnly(on: boolean): void {
    this.troubleOnly = on;
    this.#showTop();
  }

  clearFilter(): void {
    this.text = "";
    this.thread = null;
    this.kinds = [];
    this.troubleOnly = false;
    this.#showTop();
  }

  /** Keeps the place of a reader who scrolled away from the top or works in the list. */
  hold(): void {
    if (this.mode !== "follow") return;
    this.#freeze("hold");
  }

  /** Ends a hold when the reader is back at the top; a pause stays. */
  release(): void {
    if (this.mode === "hold" && this.selected === null) this.#thaw();
  }

  togglePause(): void {
    if (this.mode === "follow") this.#freeze("pause");
    else this.follow();
  }

  /** Shows the newest rows and stays with them. */
  follow(): void {
    this.#thaw();
    this.topSignal += 1;
  }

  /** Row ids of a worker that is gone mean nothing to the next one. */
  forget(): void {
    this.#thaw();
    this.selected = null;
  }

  /** Another selection of rows has no place to keep, unless a pause was asked for. */
  #showTop(): void {
    this.topSignal += 1;
    if (this.mode === "hold") this.#thaw();
  }

  #freeze(mode: FollowMode): void {
    const newest = this.#newestRow();
    // Without a row there is nothing to stand still at.
    if (newest === null || newest < 0) return;
    this.mode = mode;
    this.frozenAt = newest;
  }

  #thaw(): void {
    this.mode = "follow";
    this.frozenAt = null;
  }
}
