/** What is of no run: records that could not be read, and messages without a thread. */
import type { QuarantineQuery, QuarantineView } from "../../generated/decode_wasm.js";
import { textAt } from "../../base/columns.js";
import { kept } from "../../base/identity.js";
import { Channel, type Content } from "../../store/channel.js";
import type { RelayStore } from "../../store/relay.svelte.js";

export interface QuarantineLine {
  readonly row: number;
  readonly partition: number;
  readonly offset: bigint;
  readonly timestampMs: number;
  readonly code: string;
  readonly bytes: number;
  readonly text: string;
}

export interface CodeCount {
  readonly code: string;
  readonly records: number;
}

export class QuarantineState extends Channel<"quarantine"> {
  override readonly name = "quarantine";
  readonly store: RelayStore;
  range = $state.raw({ first: 0, count: 30 });
  total = $state(0);
  linesMax = $state(0);
  counts = $state.raw<readonly CodeCount[]>([]);
  #loaded = $state.raw<{ first: number; lines: readonly QuarantineLine[] }>({
    first: 0,
    lines: [],
  });

  constructor(store: RelayStore) {
    super();
    this.store = store;
  }

  override question(): QuarantineQuery {
    return this.range;
  }

  protected override show(content: Content<"quarantine">, { first }: QuarantineQuery): void {
    this.total = content.total;
    this.linesMax = content.linesMax;
    this.counts = countsOf(content);
    const lines = kept(this.#loaded.lines, linesOf(content), (line) => line.row);
    this.#loaded = { first, lines };
  }

  protected override clear(): void {
    this.total = 0;
    this.counts = [];
    this.#loaded = { first: 0, lines: [] };
  }

  lineAt(index: number): QuarantineLine | null {
    return this.#loaded.lines[index - this.#loaded.first] ?? null;
  }

  open(index: number): void {
    const line = this.lineAt(index);
    if (line === null) return;
    const place = { partition: line.partition, offset: line.offset.toString() };
    this.store.selection.open(line.row, place);
  }
}

function countsOf({
  counts,
  others,
  strings,
}: QuarantineView & { strings: readonly string[] }): CodeCount[] {
  const known = Array.from(counts.code, (_, at) => ({
    code: textAt(strings, counts.code[at]),
    records: counts.records[at] ?? 0,
  }));
  return others > 0 ? [...known, { code: "others", records: others }] : known;
}

function linesOf({ lines, strings }: Content<"quarantine">): QuarantineLine[] {
  return Array.from(lines.row, (row, at) => ({
    row,
    partition: lines.partition[at] ?? 0,
    offset: lines.offset[at] ?? 0n,
    timestampMs: lines.timestampMs[at] ?? 0,
    code: textAt(strings, lines.code[at]),
    bytes: lines.bytes[at] ?? 0,
    text: textAt(strings, lines.text[at]),
  }));
}
