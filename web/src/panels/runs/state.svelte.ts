/** What the list of runs shows: filter, order, pinned runs, and whether it stands still under a reader. */
import type { RunCountsView, RunGroup, RunOrder, RunsQuery } from "../../generated/decode_wasm.js";
import { kept } from "../../base/identity.js";
import { FILTER_CHARS_MAX } from "../../base/url.js";
import { Channel, type Content } from "../../store/channel.js";
import type { RelayStore } from "../../store/relay.svelte.js";
import { runRows, type RunRow } from "./rows.js";

/** The list as it was when somebody began to read: lines keep their places, and what they say stays live. */
interface Hold {
  /** Serial of the newest run then. */
  readonly at: number;
  /** The loaded lines; of other places the worker is asked as usual. */
  readonly first: number;
  readonly ids: readonly string[];
}

interface Reading {
  readonly pointed: boolean;
  readonly focused: boolean;
  readonly scrolled: boolean;
}

interface Loaded {
  readonly first: number;
  readonly rows: readonly RunRow[];
}

/** Often enough for the eye; a replay rushes by, and nobody reads it. */
const EVERY_MS = 50;
const EVERY_REPLAY_MS = 333;
/** So many runs are a good part of a frame to look through. */
const MANY = 20_000;
const EVERY_MANY_MS = 250;
export const PINS_MAX = 10;
const NOTHING: RunCountsView = {
  all: 0,
  failed: 0,
  stuck: 0,
  waiting: 0,
  lossy: 0,
  running: 0,
  evicted: 0,
  dropped: 0,
  runsMax: 0,
};

export class RunsState extends Channel<"runs"> {
  override readonly name = "runs";
  readonly store: RelayStore;
  range = $state.raw({ first: 0, count: 60 });
  /** Rises whenever the list must show its top. */
  topSignal = $state(0);
  text = $state("");
  groups = $state.raw<readonly RunGroup[]>([]);
  sort = $state<RunOrder>("started");
  ascending = $state(false);
  pins = $state.raw<readonly string[]>([]);
  counts = $state.raw<RunCountsView>(NOTHING);
  newer = $state(0);
  /** Whether an answer has come. */
  isKnown = $state(false);
  /** Where the reader is in the list. */
  readonly place = { scrollTop: 0, active: 0 };
  #newest = 0;
  /** The loaded lines are those of another question: nothing to hold on to. */
  #isStale = false;
  /** The run that was opened from here and is not closed yet. */
  #opened: string | null = null;
  #matching = $state(0);
  #pinned = $state.raw<readonly RunRow[]>([]);
  #loaded = $state.raw<Loaded>({ first: 0, rows: [] });
  #hold = $state.raw<Hold | null>(null);
  #reading = $state.raw<Reading>({ pointed: false, focused: false, scrolled: false });

  readonly filtered: boolean = $derived(this.text.trim() !== "" || this.groups.length > 0);
  /** Whether lines keep their places. */
  readonly isStill: boolean = $derived.by(() => this.#hold !== null);
  /** Lines of the list: the pinned ones, then those that match. */
  readonly total: number = $derived.by(() => this.#pinned.length + this.#matching);
  readonly matching: number = $derived.by(() => this.#matching);
  readonly pinnedShown: number = $derived.by(() => this.#pinned.length);

  constructor(store: RelayStore) {
    super();
    this.store = store;
  }

  protected override everyMs(): number {
    if (this.store.rushes) return EVERY_REPLAY_MS;
    return this.counts.all > MANY ? EVERY_MANY_MS : EVERY_MS;
  }

  override question(): RunsQuery | null {
    if (this.store.selection.run !== null) return null;
    const hold = this.#hold;
    const first = Math.max(0, this.range.first - this.#pinned.length);
    const end = this.range.first + this.range.count - this.#pinned.length;
    const count = Math.max(0, end - first);
    const ids = hold !== null && this.#holds(hold, first, end) ? hold.ids : [];
    return {
      first,
      count: ids.length > 0 ? 0 : count,
      groups: [...this.groups],
      text: this.text.trim(),
      sort: this.sort,
      ascending: this.ascending,
      pinned: [...this.pins, ...ids],
      frozenAt: hold?.at ?? null,
      complete: this.store.isComplete,
    };
  }

  protected override show(content: Content<"runs">, question: RunsQuery): void {
    this.isKnown = true;
    this.counts = content.counts;
    this.newer = content.newer;
    this.#newest = content.newest;
    const hold = this.#hold;
    // Asked before somebody began to read, or before they were done.
    if (question.frozenAt !== (hold?.at ?? null) || !this.#isOfNow(question)) return;
    const asked = runRows(content.pinned, content.strings);
    const live = byId(asked);
    const pinned = this.pins.map((id) => live.get(id)).filter((row) => row !== undefined);
    this.#pinned = kept(this.#pinned, pinned, (row) => row.id);
    const { rows } = this.#loaded;
    if (question.count === 0 && hold !== null) {
      const now = rows.map((row) => live.get(row.id) ?? row);
      this.#loaded = { first: hold.first, rows: kept(rows, now, (row) => row.id) };
      return;
    }
    this.#matching = content.total;
    const now = kept(rows, runRows(content.runs, content.strings), (row) => row.id);
    this.#loaded = { first: question.first, rows: now };
    this.#isStale = false;
    if (this.#isRead) this.#freeze(hold?.at ?? this.#newest);
  }

  protected override clear(): void {
    this.isKnown = false;
    this.counts = NOTHING;
    this.newer = 0;
    this.#newest = 0;
    this.#matching = 0;
    this.#pinned = [];
    this.#loaded = { first: 0, rows: [] };
    this.#hold = null;
    this.#opened = null;
  }

  /** The loaded line at a place of the list, or null while the worker has not answered. */
  rowAt(index: number): RunRow | null {
    const pinned = this.#pinned.length;
    if (index < pinned) return this.#pinned[index] ?? null;
    return this.#loaded.rows[index - pinned - this.#loaded.first] ?? null;
  }

  /** What the line at a place is known by: a pinned run may stand in the list as well. */
  keyAt(index: number): string | null {
    const id = this.rowAt(index)?.id ?? null;
    return id !== null && index < this.#pinned.length ? `pinned ${id}` : id;
  }

  isPinned(id: string): boolean {
    return this.pins.includes(id);
  }

  open(index: number): void {
    const row = this.rowAt(index);
    if (row === null) return;
    this.#opened = row.id;
    this.#settle();
    this.store.selection.openRun(row.id);
  }

  /** Where the run that was opened last is, once it is closed again; -1 where it is not in sight. */
  returnTo(): number {
    const id = this.#opened;
    this.#opened = null;
    if (id === null) return -1;
    const at = this.#loaded.rows.findIndex((row) => row.id === id);
    return at < 0 ? at : this.#pinned.length + this.#loaded.first + at;
  }

  togglePin(index: number): void {
    const row = this.rowAt(index);
    if (row === null) return;
    const off = this.pins.filter((id) => id !== row.id);
    const isOff = off.length < this.pins.length;
    if (!isOff && off.length >= PINS_MAX) {
      this.store.panes.say(`No more than ${PINS_MAX} runs can be pinned`);
      return;
    }
    this.pins = isOff ? off : [...off, row.id];
    this.store.panes.say(`Run ${row.thread} ${isOff ? "no longer pinned" : "pinned to the top"}`);
  }

  setText(text: string): void {
    const cut = text.slice(0, FILTER_CHARS_MAX);
    if (cut === this.text) return;
    this.text = cut;
    this.restart();
  }

  setGroups(groups: readonly RunGroup[]): void {
    if (groups.join() === this.groups.join()) return;
    this.groups = groups;
    this.restart();
  }

  /** Of the groups of which a run is mostly in one, the one that is chosen takes the place of another. */
  toggleGroup(group: RunGroup): void {
    const isOn = this.groups.includes(group);
    const others = this.groups.filter((other) => other === "lossy" || group === "lossy");
    this.setGroups(isOn ? this.groups.filter((other) => other !== group) : [...others, group]);
  }

  setSort(sort: RunOrder, ascending: boolean): void {
    if (sort === this.sort && ascending === this.ascending) return;
    this.sort = sort;
    this.ascending = ascending;
    this.restart();
  }

  clearFilter(): void {
    this.setText("");
    this.setGroups([]);
  }

  /** Shows the list as it is now, from its top. */
  restart(): void {
    this.#hold = null;
    this.#isStale = true;
    this.#reading = { ...this.#reading, scrolled: false };
    this.topSignal += 1;
  }

  /** What tells that somebody reads the list. */
  reads(change: Partial<Reading>): void {
    this.#reading = { ...this.#reading, ...change };
    this.#settle();
  }

  #settle(): void {
    if (!this.#isRead) this.#hold = null;
    else if (this.#hold === null && !this.#isStale && this.#loaded.rows.length > 0)
      this.#freeze(this.#newest);
  }

  get #isRead(): boolean {
    const { pointed, focused, scrolled } = this.#reading;
    return pointed || focused || scrolled || this.#opened !== null;
  }

  #isOfNow({ groups, text, sort, ascending }: RunsQuery): boolean {
    const isFilter = groups.join() === this.groups.join() && text === this.text.trim();
    return isFilter && sort === this.sort && ascending === this.ascending;
  }

  #freeze(at: number): void {
    const { first, rows } = this.#loaded;
    this.#hold = { at, first, ids: rows.map((row) => row.id) };
  }

  #holds(hold: Hold, first: number, end: number): boolean {
    const needed = Math.min(end, this.#matching);
    return first >= hold.first && needed <= hold.first + hold.ids.length && hold.ids.length > 0;
  }
}

function byId(rows: readonly RunRow[]): ReadonlyMap<string, RunRow> {
  return new Map(rows.map((row) => [row.id, row]));
}
