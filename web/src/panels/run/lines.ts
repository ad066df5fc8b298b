/** A line of the waterfall, from the columns of an answer, and what it is called. */
import type { LineColumns } from "../../generated/decode_wasm.js";
import { textAt } from "../../base/columns.js";
import { msOf } from "../../base/duration.js";
import { count, duration, plural } from "../../base/format.js";

export type LineKind =
  "attempt" | "branch" | "point" | "model_call" | "tool_call" | "gap" | "wait" | "run";

/** Numbers that nobody reports are -1. */
export interface RunLine {
  readonly id: string;
  readonly kind: LineKind;
  /** Place of the line that it is part of, among those shown; -1 = the run. */
  readonly parent: number;
  readonly children: number;
  readonly folded: boolean;
  readonly trouble: boolean;
  readonly startUs: number;
  /** -1 while it is open. */
  readonly endUs: number;
  readonly skewed: boolean;
  readonly name: string;
  readonly key: string;
  readonly iteration: number;
  readonly attempt: number;
  readonly group: number;
  readonly lane: number;
  readonly outcome: string;
  readonly startUnseen: boolean;
  readonly messages: number;
  readonly errors: number;
  readonly beginnings: number;
  readonly diffs: number;
  readonly stage: number;
  readonly tokens: number;
  readonly cost: number;
  readonly error: string;
  readonly numbers: string;
}

const KINDS: Readonly<Record<string, LineKind>> = {
  attempt: "attempt",
  branch: "branch",
  point: "point",
  model_call: "model_call",
  tool_call: "tool_call",
  gap: "gap",
  wait: "wait",
};

export function runLines(columns: LineColumns, strings: readonly string[]): RunLine[] {
  return Array.from(columns.id, (_, at) => runLine(columns, strings, at));
}

function runLine(columns: LineColumns, strings: readonly string[], at: number): RunLine {
  const text = (column: Uint32Array): string => textAt(strings, column[at]);
  const number = (column: ArrayLike<number>): number => column[at] ?? -1;
  const flag = (column: Uint8Array): boolean => column[at] === 1;
  return {
    id: text(columns.id),
    kind: KINDS[text(columns.kind)] ?? "point",
    parent: number(columns.parent),
    children: number(columns.children),
    folded: flag(columns.folded),
    trouble: flag(columns.trouble),
    startUs: number(columns.startUs),
    endUs: number(columns.endUs),
    skewed: flag(columns.skewed),
    name: text(columns.name),
    key: text(columns.key),
    iteration: number(columns.iteration),
    attempt: number(columns.attempt),
    group: number(columns.group),
    lane: number(columns.lane),
    outcome: text(columns.outcome),
    startUnseen: flag(columns.startUnseen),
    messages: number(columns.messages),
    errors: number(columns.errors),
    beginnings: number(columns.beginnings),
    diffs: number(columns.diffs),
    stage: number(columns.stage),
    tokens: number(columns.tokens),
    cost: number(columns.cost),
    error: text(columns.error),
    numbers: text(columns.numbers),
  };
}

export const KIND_WORDS: Readonly<Record<LineKind, string>> = {
  run: "run",
  attempt: "node",
  branch: "branch",
  point: "note",
  model_call: "LLM call",
  tool_call: "tool call",
  gap: "missing",
  wait: "waiting",
};

/** Times in µs with as much as tells: "12 µs", "1.25 ms", "850 ms", "12.3 s". */
export function span(us: number): string {
  const size = Math.abs(us);
  if (size < 1_000) return `${count(us)} µs`;
  if (size < 9_995) return `${msOf(us).toFixed(2)} ms`;
  return duration(msOf(us));
}

/** How long after the start of the run: "+1.25 ms"; "-5 s" where a clock says that it was before it. */
export function offset(us: number): string {
  return us < 0 ? span(us) : `+${span(us)}`;
}

/** Name of a line. */
export function lineName(line: RunLine): string {
  switch (line.kind) {
    case "gap":
      return `${plural(line.messages, "message")} missing`;
    case "wait":
      return "Waiting for a person";
    case "attempt":
    case "branch":
    case "point":
    case "model_call":
    case "tool_call":
    case "run":
      return line.name;
  }
}

/** What stands behind the name of an execution that is not the first of its node: which one. */
export function whichText({ iteration }: RunLine): string {
  return iteration > 1 ? ` (${iteration})` : "";
}

/** Why a line failed, as its producer says, or empty. */
export function lineError(line: RunLine): string {
  return line.outcome === "failed" ? line.error : "";
}

/** Which execution of its node a line is, from 1, in words. */
export function executionText({ iteration }: RunLine): string {
  return iteration === 1
    ? "first execution of this node"
    : `execution ${count(iteration)} of this node`;
}

/** What is to be said of a line besides name, error and times, in few words. */
export function lineNotes(line: RunLine): string {
  const notes: string[] = [];
  const add = (holds: boolean, words: string): void => {
    if (holds) notes.push(words);
  };
  if (line.kind === "gap") {
    const [first, last] = line.numbers.split(" to ");
    return first === last ? `number ${first ?? ""}` : `numbers ${line.numbers}`;
  }
  const failed = line.outcome === "failed";
  add(failed, "failed");
  const others = line.errors - (failed ? 1 : 0);
  add(others > 0 && line.kind !== "tool_call", plural(others, failed ? "error message" : "error"));
  add(line.trouble && !failed && line.errors === 0, "a part of it failed");
  add(line.endUs < 0, line.kind === "wait" ? "goes on" : "open");
  add(line.group >= 0, `parallel group ${line.group + 1}`);
  add(line.beginnings > 1, `begun ${line.beginnings} times`);
  add(line.startUnseen, "start not seen");
  add(line.skewed, "outside of what it is part of, by its clock");
  add(line.attempt < 0 && line.kind.endsWith("_call"), "beside the graph");
  return notes.join(" · ");
}
