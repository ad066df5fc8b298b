/** A line of the list of runs, from the columns of an answer. */
import type { RunColumns } from "../../generated/decode_wasm.js";
import { textAt } from "../../base/columns.js";
import { msOf } from "../../base/duration.js";

/** Numbers that nobody reports and times that are not known are -1. */
export interface RunRow {
  /** PARTITION:OFFSET:INDEX of its first event. */
  readonly id: string;
  readonly thread: string;
  readonly invocation: number;
  readonly graph: string;
  readonly status: string;
  /** By which rule the status was concluded, a sentence. */
  readonly rule: string;
  readonly evidence: string;
  readonly node: string;
  readonly relation: string;
  readonly related: string;
  readonly startMs: number;
  readonly durationMs: number;
  readonly heardMs: number;
  readonly waitingSinceMs: number;
  readonly tokens: number;
  readonly cost: number;
  readonly source: string;
  readonly error: string;
  readonly errors: number;
  readonly failedTools: number;
  readonly integrity: string;
  readonly gaps: number;
  readonly missing: number;
  /** Whether its events are held; if not, this line is all there is. */
  readonly held: boolean;
}

export function runRows(columns: RunColumns, strings: readonly string[]): RunRow[] {
  return Array.from(columns.id, (_, at) => runRow(columns, strings, at));
}

function runRow(columns: RunColumns, strings: readonly string[], at: number): RunRow {
  const text = (column: Uint32Array): string => textAt(strings, column[at]);
  const number = (column: ArrayLike<number>): number => column[at] ?? -1;
  const startUs = number(columns.startUs);
  const endUs = number(columns.endUs);
  const waitingSinceUs = number(columns.waitingSinceUs);
  return {
    id: text(columns.id),
    thread: text(columns.thread),
    invocation: number(columns.invocation),
    graph: text(columns.graph),
    status: text(columns.status),
    rule: text(columns.rule),
    evidence: text(columns.evidence),
    node: text(columns.node),
    relation: text(columns.relation),
    related: text(columns.related),
    startMs: msOf(startUs),
    durationMs: msOf((endUs < 0 ? number(columns.lastUs) : endUs) - startUs),
    heardMs: number(columns.heardMs),
    waitingSinceMs: waitingSinceUs < 0 ? -1 : msOf(waitingSinceUs),
    tokens: number(columns.tokens),
    cost: number(columns.cost),
    source: text(columns.source),
    error: text(columns.error),
    errors: number(columns.errors),
    failedTools: number(columns.failedTools),
    integrity: text(columns.integrity),
    gaps: number(columns.gaps),
    missing: number(columns.missing),
    held: number(columns.held) === 1,
  };
}
