/** What a row of the event list is called and how it is marked, from the names the core gave. */
import type { EventColumns, Names } from "../../generated/decode_wasm.js";
import { textAt } from "../../base/columns.js";
import { count } from "../../base/format.js";
import { kindLabel } from "../../base/words.js";

/** How a row is set off: both troubles say what is missing or refused at that place. */
export type Tone = "plain" | "error" | "reject" | "gap";

export interface EventRow {
  readonly row: number;
  readonly kind: string;
  readonly label: string;
  /** By what it is filtered: its event type's name or, where it has none, its kind. */
  readonly type: string;
  readonly tone: Tone;
  /** Name of the reject code or gap cause, else empty. */
  readonly cause: string;
  readonly partition: number;
  readonly offset: bigint;
  /** Of an event in a batch: its place there. */
  readonly index: number;
  /** Last offset of a gap, else the offset. */
  readonly lastOffset: bigint;
  readonly timestampMs: number;
  readonly sequence: bigint;
  readonly thread: string;
  readonly node: string;
  readonly summary: string;
  readonly bytes: number;
  readonly newerSchema: boolean;
  /** A message with its id came before. */
  readonly repeat: boolean;
}

/** One row out of the columns, or null where the columns do not reach. */
export function eventRow(
  columns: EventColumns,
  strings: readonly string[],
  names: Names,
  index: number,
): EventRow | null {
  const row = columns.row[index];
  if (row === undefined) return null;
  const kind = names.rowKinds[columns.kind[index] ?? -1] ?? `unknown(${columns.kind[index] ?? 0})`;
  const code = columns.code[index] ?? 0;
  const label = labelOf(kind, columns.eventType[index] ?? 0, names);
  return {
    row,
    kind,
    label,
    type: typeOf(kind, columns.eventType[index] ?? 0, names),
    tone: toneOf(kind, columns.failure[index] === 1),
    cause: causeOf(kind, code, names),
    partition: columns.partition[index] ?? 0,
    offset: columns.offset[index] ?? 0n,
    index: columns.index[index] ?? 0,
    lastOffset: columns.lastOffset[index] ?? 0n,
    timestampMs: columns.timestampMs[index] ?? 0,
    sequence: columns.sequence[index] ?? 0n,
    thread: textAt(strings, columns.thread[index]),
    node: textAt(strings, columns.node[index]),
    summary: textAt(strings, columns.summary[index]),
    bytes: columns.bytes[index] ?? 0,
    newerSchema: columns.newerSchema[index] === 1,
    repeat: columns.repeat[index] === 1,
  };
}

/** What a trouble row says after its cause: the missing range, or what is wrong. */
export function troubleText(row: EventRow): string {
  if (row.summary !== "" || row.tone !== "gap") return row.summary;
  if (row.lastOffset <= row.offset) return `offset ${row.offset}`;
  return `offsets ${row.offset} to ${row.lastOffset} (${count(row.lastOffset - row.offset + 1n)})`;
}

function labelOf(kind: string, eventType: number, names: Names): string {
  if (eventType === 0) return kindLabel(kind);
  return names.eventTypes[eventType] ?? `unknown(${eventType})`;
}

function typeOf(kind: string, eventType: number, names: Names): string {
  return eventType === 0 ? kind : (names.eventTypes[eventType] ?? kind);
}

function toneOf(kind: string, failure: boolean): Tone {
  if (kind === "gap" || kind === "reject") return kind;
  return failure ? "error" : "plain";
}

function causeOf(kind: string, code: number, names: Names): string {
  if (code === 0) return "";
  const table = kind === "gap" ? names.gapCauses : names.rejectCodes;
  return (table[code] ?? `unknown(${code})`).replaceAll("_", " ");
}
