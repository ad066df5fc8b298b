/** What the threads table shows, and whether its order stands still under a hand. */
import type { ThreadColumns, ThreadSort, ViewMessage } from "../generated/decode_wasm.js";
import { textAt } from "../base/rows.js";

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
  readonly sort: ThreadSort;
  readonly columns: ThreadColumns;
  readonly strings: readonly string[];
}

export class ThreadsState {
  sort = $state<ThreadSort>("recent");
  range = $state.raw({ first: 0, count: 40 });
  /** A pointer or the focus is in the table: rows must not change places under it. */
  held = $state(false);
  topSignal = $state(0);
  #loaded = $state.raw<Loaded | null>(null);

  setSort(sort: ThreadSort): void {
    this.sort = sort;
    this.topSignal += 1;
  }

  /** Takes an answer; while held, only one that shows another stretch or order of the table. */
  take(view: ViewMessage, first: number, sort: ThreadSort): void {
    const now = this.#loaded;
    const same = now?.first === first && now.sort === sort;
    if (this.held && sort === "recent" && same) return;
    this.#loaded = { first, sort, columns: view.threads, strings: view.strings };
  }

  forget(): void {
    this.#loaded = null;
  }

  rowAt(index: number): ThreadRow | null {
    const loaded = this.#loaded;
    if (loaded === null) return null;
    const { columns, strings } = loaded;
    const at = index - loaded.first;
    const thread = columns.thread[at];
    if (thread === undefined) return null;
    return {
      name: textAt(strings, thread),
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
}
