/** What the event list shows: its place, whether it follows the newest row, and the rows of it. */
import type { EventsQuery, Names } from "../../generated/decode_wasm.js";
import { kept } from "../../base/identity.js";
import { Channel, type Content } from "../../store/channel.js";
import type { RelayStore } from "../../store/relay.svelte.js";
import { fullPlace, type Jump } from "../../store/selection.svelte.js";
import { landingText } from "./jump.js";
import { SaveState } from "./save_state.svelte.js";
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

/** Orders of the list: by Kafka's time, or by the arrival at this page. */
export const ORDERS = {
  newest: "Newest first",
  oldest: "Oldest first",
  "last-arrival": "Last arrival first",
  "first-arrival": "First arrival first",
} as const;
export type Order = keyof typeof ORDERS;

/** Often enough for the eye; a replay rushes by, and nobody reads it. */
const EVERY_MS = 33;
const EVERY_REPLAY_MS = 333;

export class EventsState extends Channel<"events"> {
  override readonly name = "events";
  readonly store: RelayStore;
  readonly save: SaveState;
  /** Rows the list wants. */
  range = $state.raw({ first: 0, count: 60 });
  /** Rises whenever the list must show its top. */
  topSignal = $state(0);
  total = $state(0);
  newerRows = $state(0);
  newestRow = $state(-1);
  order = $state<Order>("newest");
  readonly oldestFirst = $derived(this.order === "oldest" || this.order === "first-arrival");
  /** The row to bring into view. */
  showing = $state.raw<{ readonly index: number } | null>(null);
  /** Where the reader wanted to go and what was there instead, in one sentence. */
  landing = $state("");
  atTop = $state(true);
  /** The newest row that may be on the screen; newer ones are known while the list stands still. */
  #shownTo = -1;
  /** A list that begins with the oldest row stays at its end. */
  #atEnd = false;
  /** The place that was gone to, or is no longer wanted. */
  #jumped: Jump | null = null;
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
    this.save = new SaveState(store, () => this.question());
  }

  protected override everyMs(): number {
    return this.store.rushes ? EVERY_REPLAY_MS : EVERY_MS;
  }

  /** The list as it stands, as the worker is asked for it. */
  override question(): EventsQuery {
    const { text, thread, node, kinds, troubleOnly, within } = this.store.selection;
    const jump = this.#wantedJump();
    return {
      ...this.range,
      // What is gone to may have come since.
      frozenAt: jump === null ? this.frozenAt : null,
      oldestFirst: this.oldestFirst,
      byArrival: this.order.endsWith("arrival"),
      text: text.trim(),
      thread,
      node,
      kinds: [...kinds],
      troubleOnly,
      run: within?.run ?? null,
      attempt: within?.attempt ?? null,
      seekPlace: seekOf(jump),
      seekTimeMs: jump?.timeMs ?? null,
    };
  }

  protected override show(content: Content<"events">, question: EventsQuery): void {
    const names = this.store.worker.names;
    if (names === null) return;
    // Asked before the list stood still: it would move the rows under the reader.
    const isLate = question.frozenAt === null && this.frozenAt !== null;
    if (isLate && content.landing === "") return;
    const isLonger = content.total > this.total;
    this.total = content.total;
    this.newerRows = content.newerRows;
    this.newestRow = content.newestRow;
    this.#shownTo = question.frozenAt ?? content.newestRow;
    this.#rows = { first: question.first, rows: this.#read(content, names) };
    if (content.landing !== "") this.#land(content, question);
    else if (this.#atEnd && isLonger && this.mode === "follow") this.#showRow(this.total - 1);
    if (this.#wantedIndex !== null) this.openAt(this.#wantedIndex);
  }

  protected override clear(): void {
    this.#hold = null;
    this.#shownTo = -1;
    this.#rows = { first: 0, rows: [] };
    this.#wantedIndex = null;
    this.#atEnd = false;
    this.landing = "";
    this.total = 0;
    this.newerRows = 0;
    this.newestRow = -1;
  }

  /** Time of the newest loaded row that has one, or of this moment. */
  get latestMs(): number {
    const times = this.#rows.rows.map((row) => row.timestampMs);
    const latest = Math.max(0, ...times);
    return latest === 0 ? Date.now() : latest;
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
    if (what === "thread") selection.setThread(row.thread);
    else if (what === "node") selection.setNode(row.node);
    else if (what === "type") selection.setKinds([row.type]);
    else return;
    const name = what === "thread" ? row.thread : what === "node" ? row.node : row.type;
    panes.say(`Events of ${what} ${name}`);
  }

  /** Another order begins at its top. */
  setOrder(order: Order): void {
    this.order = order;
    this.#leaveJump();
    this.#hold = null;
    this.#atEnd = false;
    this.topSignal += 1;
  }

  #wantedJump(): Jump | null {
    const { jump } = this.store.selection;
    return jump === this.#jumped ? null : jump;
  }

  /** The reader is elsewhere; what was waited for is not shown any more when it comes. */
  #leaveJump(): void {
    this.#jumped = this.store.selection.jump;
    this.landing = "";
  }

  /** The worker has said what there is at the place to go to. */
  #land({ landing, landedAt, edge }: Content<"events">, question: EventsQuery): void {
    const jump = this.#wantedJump();
    if (jump === null || landing === "" || seekOf(jump) !== question.seekPlace) return;
    if (landing === "later" && jump.waits) return;
    this.#leaveJump();
    const { zone, panes } = this.store;
    this.landing = landingText(jump, {
      landing,
      shown: landedAt >= 0,
      edge,
      instant: (ms) => zone.instant(ms),
      whyNotOlder: this.store.whyNotOlder,
    });
    if (this.landing !== "") panes.say(this.landing);
    if (landedAt < 0) return;
    this.#freeze(this.#hold?.mode ?? "hold");
    this.#showRow(landedAt);
    if (landing === "there" && jump.place !== null) this.openAt(landedAt);
  }

  #showRow(index: number): void {
    this.atTop = index === 0;
    this.showing = { index };
  }

  /** Keeps the place of a reader who scrolled away from the top or works in the list. */
  hold(): void {
    if (this.mode !== "follow") return;
    this.#leaveJump();
    this.#freeze("hold");
  }

  /** The reader scrolled. */
  scrolled(atTop: boolean): void {
    this.atTop = atTop;
    this.#leaveJump();
    if (!atTop) this.hold();
    else if (this.mode === "hold" && !this.store.selection.isOpen) this.#hold = null;
  }

  togglePause(): void {
    if (this.mode === "follow") {
      this.#leaveJump();
      this.#freeze("pause");
    } else this.follow();
    this.store.panes.say(this.mode === "follow" ? "Following new rows" : "Event list paused");
  }

  /** Shows the newest rows and stays with them. */
  follow(): void {
    this.#hold = null;
    this.#leaveJump();
    this.#atEnd = this.oldestFirst;
    if (this.#atEnd) this.#showRow(this.total + this.newerRows - 1);
    else this.topSignal += 1;
  }

  #freeze(mode: Hold["mode"]): void {
    // Without a row there is nothing to stand still at.
    if (this.#shownTo < 0) return;
    const { turn, closes } = this.store.selection;
    this.#hold = { mode, at: this.#shownTo, turn, closes };
  }

  #read(content: Content<"events">, names: Names): EventRow[] {
    const rows = Array.from(content.events.row, (_, at) =>
      eventRow(content.events, content.strings, names, at),
    ).filter((row) => row !== null);
    return kept(this.#rows.rows, rows, (row) => row.row);
  }
}

function seekOf(jump: Jump | null): string | null {
  return jump?.place === null || jump === null ? null : fullPlace(jump.place);
}
