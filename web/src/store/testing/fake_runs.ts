/** Runs as the worker would answer them; for tests only. */
import type { RunColumns, RunsQuery, RunsView } from "../../generated/decode_wasm.js";

export interface FakeRun {
  /** Its serial; its address is 0:SERIAL:0. */
  readonly serial: number;
  readonly status: string;
  readonly tokens: number;
}

/** The answer with its texts, newest first. */
export function fakeRuns(
  all: readonly FakeRun[],
  asked: RunsQuery,
): { view: RunsView; strings: string[] } {
  const strings = [""];
  const text = (value: string): number => strings.push(value) - 1;
  const frozen = asked.frozenAt ?? Number.POSITIVE_INFINITY;
  const isWanted = (run: FakeRun): boolean => asked.groups.every((group) => group === run.status);
  const matching = all.filter(isWanted).sort((one, other) => other.serial - one.serial);
  const shown = matching.filter((run) => run.serial <= frozen);
  const pinned = asked.pinned.map((id) => all.find((run) => idOf(run) === id));
  const counted = (status: string): number => all.filter((run) => run.status === status).length;
  return {
    view: {
      runs: columns(shown.slice(asked.first, asked.first + asked.count), text),
      pinned: columns(
        pinned.filter((run) => run !== undefined),
        text,
      ),
      counts: {
        all: all.length,
        failed: counted("failed"),
        stuck: 0,
        waiting: counted("waiting"),
        lossy: 0,
        running: counted("running"),
        evicted: 0,
        dropped: 0,
        runsMax: 100_000,
      },
      total: shown.length,
      newer: matching.length - shown.length,
      newest: Math.max(0, ...all.map((run) => run.serial)),
    },
    strings,
  };
}

function idOf(run: FakeRun): string {
  return `0:${run.serial}:0`;
}

function columns(runs: readonly FakeRun[], text: (value: string) => number): RunColumns {
  const texts = (of: (run: FakeRun) => string): Uint32Array =>
    Uint32Array.from(runs, (run) => text(of(run)));
  const numbers = (of: (run: FakeRun) => number): Float64Array => Float64Array.from(runs, of);
  const zeros = Uint32Array.from(runs, () => 0);
  return {
    id: texts(idOf),
    serial: numbers((run) => run.serial),
    thread: texts((run) => `thread ${run.serial}`),
    invocation: Uint32Array.from(runs, () => 1),
    graph: texts(() => "graph"),
    status: texts((run) => run.status),
    rule: texts(() => "A rule."),
    evidence: texts(idOf),
    node: texts(() => "node"),
    relation: zeros,
    related: zeros,
    startUs: numbers((run) => 1_763_790_000_000_000 + run.serial * 1_000),
    endUs: numbers(() => -1),
    lastUs: numbers((run) => 1_763_790_001_000_000 + run.serial * 1_000),
    heardMs: numbers(() => -1),
    waitingSinceUs: numbers(() => -1),
    tokens: numbers((run) => run.tokens),
    cost: numbers(() => -1),
    source: zeros,
    error: zeros,
    attempts: zeros,
    errors: zeros,
    failedTools: zeros,
    events: numbers(() => 1),
    integrity: texts(() => "whole"),
    gaps: zeros,
    missing: numbers(() => 0),
    held: Uint8Array.from(runs, () => 1),
  };
}
