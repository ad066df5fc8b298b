/** What the threads table shows, and whether its order stands still under a hand. */
import type { ThreadColumns, ThreadOrder, ThreadsQuery } from "../../generated/decode_wasm.js";
import { textAt } from "../../base/columns.js";
import { inPlace, kept } from "../../base/identity.js";
import { Channel, type Content } from "../../store/channel.js";
import type { RelayStore } from "../../store/relay.svelte.js";

export interface ThreadRow {
  readonly name: string;
  readonly partition: number;
  readonly records: number;
  readonly lastMs: number;
  readonly lastOffset: bigint;
  readonly node: string;
  readonly status: string;
  readonly errors: number;
  /** Its newest record is of a schema this build does not apply. */
  readonly newerSchema: boolean;
}

interface Loaded {
  readonly first: number;
  readonly sort: ThreadOrder;
  readonly total: number;
  readonly rows: readonly ThreadRow[];
}

const NOTHING: Loaded = { first: 0, sort: "recent", total: 0, rows: [] };

export class ThreadsState extends Channel<"threads"> {
  override readonly name = "threads";
  readonly store: RelayStore;
  sort = $state<ThreadOrder>("recent");
  range = $state.raw({ first: 0, count: 40 });
  #held = $state(false);
  topSignal = $state(0);
  /** As the worker told last. */
  #newest = $state.raw(NOTHING);
  /** The same, in the order in which it is shown. */
  #loaded = $state.raw(NOTHING);

  constructor(store: RelayStore) {
    super();
    this.store = store;
  }

  override question(): ThreadsQuery {
    return { ...this.range, sort: this.sort };
  }

  get total(): number {
    return this.#loaded.total;
  }

  /** Whether the order is held. */
  get held(): boolean {
    return this.#held && this.sort === "recent" && this.total > 0;
  }

  /** A pointer or the focus is in the table: rows must not change places under it. */
  hold(held: boolean): void {
    this.#held = held;
    if (!held) this.#loaded = this.#newest;
  }

  /** While held, rows stay in their places, and threads that were not shown come after them. */
  protected override show(content: Content<"threads">, { first, sort }: ThreadsQuery): void {
    const told = Array.from(content.threads.thread, (_, at) =>
      threadRow(content.threads, content.strings, at),
    );
    const now = this.#loaded;
    const rows = kept(now.rows, told, nameOf);
    this.#newest = { first, sort, total: content.total, rows };
    const stays = this.held && now.first === first && now.sort === sort;
    this.#loaded = stays
      ? { ...this.#newest, rows: inPlace(now.rows, rows, nameOf) }
      : this.#newest;
  }

  protected override clear(): void {
    this.#newest = NOTHING;
    this.#loaded = NOTHING;
  }

  setSort(sort: ThreadOrder): void {
    this.sort = sort;
    this.topSignal += 1;
  }

  rowAt(index: number): ThreadRow | null {
    return this.#loaded.rows[index - this.#loaded.first] ?? null;
  }

  /** Shows only this thread's events, or those of all again. */
  choose(name: string): void {
    const { selection, panes } = this.store;
    const chosen = name === selection.thread;
    selection.setThread(chosen ? null : name);
    panes.say(chosen ? "Events of all threads" : `Events of thread ${name}`);
  }
}

function nameOf(row: ThreadRow): string {
  return row.name;
}

function threadRow(columns: ThreadColumns, strings: readonly string[], at: number): ThreadRow {
  return {
    name: textAt(strings, columns.thread[at]),
    partition: columns.partition[at] ?? 0,
    records: columns.records[at] ?? 0,
    lastMs: columns.lastMs[at] ?? 0,
    lastOffset: columns.lastOffset[at] ?? 0n,
    node: textAt(strings, columns.node[at]),
    status: textAt(strings, columns.status[at]),
    errors: columns.errors[at] ?? 0,
    newerSchema: columns.newerSchema[at] === 1,
  };
}
