/** What the event list shows: its place, whether it follows the newest row, and the rows of it. */
import type { EventsQuery, Names } from "../../generated/decode_wasm.js";
import { kept } from "../../base/identity.js";
import { Channel, type Content } from "../../store/channel.js";
import type { RelayStore } from "../../store/relay.svelte.js";
import { eventRow, type EventRow } from "./rows.js";

/**
 * `follow`: the newest row is on top. `hold`: the reader scrolled away, moves through the rows or has one
 * open; back at the top with nothing open the list follows again. `pause`: asked for, and stays until the
 * reader ends it.
 */
export type FollowMode = "follow" | "hold" | "pause";

interface Hold {
  readonly mode: "hold" | "pause";
  /** Row id the list is frozen at. */
  readonly at: number;
  /** What was selected then: another selection has no place to keep. */
  readonly turn: number;
  /** Records closed until then. */
  readonly closes: number;
}

/** Often enough for the eye; a replay rushes by, and nobody reads it. */
const EVERY_MS = 25;
const EVERY_REPLAY_MS = 333;

export class EventsState extends Channel<"events"> {
  override readonly name = "events";
  readonly store: RelayStore;
  /** Rows the list wants. */
  range = $state.raw({ first: 0, count: 60 });
  /** Rises whenever the list must show its top. */
  topSignal = $state(0);
  total = $state(0);
  newerRows = $state(0);
  newestRow = $state(-1);
  atTop = $state(true);
  #hold = $state.raw<Hold | null>(null);
  #rows = $state.raw<{ first: number; rows: readonly EventRow[] }>({ first: 0, rows: [] });
  #wantedIndex: number | null = null;

  readonly mode: FollowMode = $derived.by(() => {
    const hold = this.#hold;
    if (hold === null) return "follow";
    if (hold.mode === "pause") return "pause";
    const { turn, closes } = this.store.selection;
    const left = hold.turn !== turn || (hold.closes !== closes && this.atTop);
    return left ? "follow" : "hold";
  });
  readonly frozenAt: number | null = $derived(
    this.mode === "follow" ? null : (this.#hold?.at ?? null),
  );

  constructor(store: RelayStore) {
    super();
    this.store = store;
  }

  protected override everyMs(): number {
    return this.store.rushes ? EVERY_REPLAY_MS : EVERY_MS;
  }

  override question(): EventsQuery {
    const { text, thread, kinds, troubleOnly } = this.store.selection;
    return {
      ...this.range,
      frozenAt: this.frozenAt,
      text: text.trim(),
      thread,
      kinds: [...kinds],
      troubleOnly,
    };
  }

  protected override show(content: Content<"events">, question: EventsQuery): void {
    const names = this.store.worker.names;
    if (names === null) return;
    this.total = content.total;
    this.newerRows = content.newerRows;
    this.newestRow = content.newestRow;
    this.#rows = { first: question.first, rows: this.#read(content, names) };
    if (this.#wantedIndex !== null) this.openAt(this.#wantedIndex);
  }

  protected override clear(): void {
    this.#hold = null;
    this.#rows = { first: 0, rows: [] };
    this.#wantedIndex = null;
    this.total = 0;
    this.newerRows = 0;
    this.newestRow = -1;
  }

  /** The loaded row at a place of the list, or null while the worker has not answered. */
  rowAt(index: number): EventRow | null {
    return this.#rows.rows[index - this.#rows.first] ?? null;
  }

  /** Opens the row at a place of the list, as soon as it is known which one that is. */
  openAt(index: number): void {
    this.hold();
    const row = this.rowAt(index);
    this.#wantedIndex = row === null ? index : null;
    if (row === null) return;
    const place = {
      partition: row.partition,
      offset: row.offset.toString(),
      index: row.index,
    };
    this.store.selection.open(row.row, place);
  }

  /** Shows only rows that share a value with the row at a place of the list. */
  pick(index: number, what: string): void {
    const row = this.rowAt(index);
    if (row === null) return;
    const { selection, panes } = this.store;
    if (what === "thread") {
      selection.setThread(row.thread);
      panes.say(`Events of thread ${row.thread}`);
    } else if (what === "node") {
      selection.setText(row.node);
      panes.say(`Events of ${row.node}`);
    } else if (what === "kind") {
      selection.setKinds([row.kind]);
      panes.say(`Events of type ${row.kind}`);
    }
  }

  /** Keeps the place of a reader who scrolled away from the top or works in the list. */
  hold(): void {
    if (this.mode === "follow") this.#freeze("hold");
  }

  /** The reader scrolled. */
  scrolled(atTop: boolean): void {
    this.atTop = atTop;
    if (!atTop) this.hold();
    else if (this.mode === "hold" && !this.store.selection.isOpen) this.#hold = null;
  }

  togglePause(): void {
    if (this.mode === "follow") this.#freeze("pause");
    else this.follow();
    this.store.panes.say(this.mode === "follow" ? "Following new rows" : "Event list paused");
  }

  /** Shows the newest rows and stays with them. */
  follow(): void {
    this.#hold = null;
    this.topSignal += 1;
  }

  #freeze(mode: Hold["mode"]): void {
    // Without a row there is nothing to stand still at.
    if (this.newestRow < 0) return;
    const { turn, closes } = this.store.selection;
    this.#hold = { mode, at: this.newestRow, turn, closes };
  }

  #read(content: Content<"events">, names: Names): EventRow[] {
    const rows = Array.from(content.events.row, (_, at) =>
      eventRow(content.events, content.strings, names, at),
    ).filter((row) => row !== null);
    return kept(this.#rows.rows, rows, (row) => row.row);
  }
}
