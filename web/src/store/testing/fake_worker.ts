/** A worker that records what it is told and says what the test wants; for tests only. */
import type {
  ConnectionView,
  EventsView,
  Names,
  PageMessage,
  PanelAnswers,
  PanelContents,
  PanelName,
  QueryMessage,
  ThreadsView,
  Totals,
  Versioned,
  WorkerMessage,
} from "../../generated/decode_wasm.js";
import { CONNECTION } from "../../base/testing/connection.js";
import { fakeRuns, type FakeRun } from "./fake_runs.js";

export const NAMES: Names = {
  rowKinds: ["event", "gap"],
  eventTypes: { 11: "NODE_END" },
  rejectCodes: {},
  gapCauses: {},
  schemaVersion: 1,
};

export const TOTALS: Totals = {
  records: 9,
  bytes: 900,
  rows: 9,
  rejects: 0,
  gaps: 0,
  gapOffsets: 0,
  newerSchema: 0,
  newerThreads: 0,
  repeats: 0,
  evictedRows: 0,
  lastMs: 1_763_790_000_000,
  rowsMax: 200_000,
  threads: 3,
  threadsMax: 10_000,
};

export class FakeWorker {
  readonly told: PageMessage[] = [];
  ended = false;
  fileState: PanelContents["file"]["state"] = "done";
  #runs: readonly FakeRun[] = [];
  onmessage: ((event: { data: WorkerMessage }) => void) | null = null;
  onmessageerror: (() => void) | null = null;
  onerror: ((event: { message: string; preventDefault: () => void }) => void) | null = null;
  #connection: ConnectionView = CONNECTION;
  #turn = 1;
  #newest = -1;
  #version = 1;

  /** The connection as the next answer has it. */
  set connection(view: ConnectionView) {
    this.#connection = view;
    this.#turn += 1;
  }

  /** The runs as the next answer has them. */
  set runs(runs: readonly FakeRun[]) {
    this.#runs = runs;
    this.#version += 1;
  }

  postMessage(message: PageMessage): void {
    this.told.push(structuredClone(message));
  }

  terminate(): void {
    this.ended = true;
  }

  say(message: WorkerMessage): void {
    this.onmessage?.({ data: message });
  }

  ready(): void {
    this.say({ type: "ready", names: NAMES, coreVersion: "0.0.0" });
  }

  trap(message: string): void {
    this.onerror?.({ message, preventDefault: () => undefined });
  }

  queries(): QueryMessage[] {
    return this.told.filter((message) => message.type === "query");
  }

  lastQuery(): QueryMessage {
    const query = this.queries().at(-1);
    if (query === undefined) throw new Error("no query was asked");
    return query;
  }

  /** The newest question a panel was asked. */
  asked<N extends PanelName>(name: N): NonNullable<QueryMessage["panels"][N]> {
    const asked = this.queries().findLast((query) => query.panels[name] !== undefined);
    const question = asked?.panels[name];
    if (question === undefined) throw new Error(`${name} was not asked`);
    return question;
  }

  /** Answers the last query from rows 0 to `newest`, as the worker does: only what is not known. */
  answer(newest: number, id = this.lastQuery().id): void {
    if (newest !== this.#newest) this.#version += 1;
    this.#newest = newest;
    this.say({ type: "view", id, panels: this.#panels(newest) });
  }

  /** What the event list was asked last, as if rows 0 to `newest` were held. */
  eventsAnswer(newest: number): EventsView {
    return events(this.asked("events"), newest);
  }

  #panels(newest: number): PanelAnswers {
    const asked = this.lastQuery().panels;
    const contents: { [N in PanelName]?: PanelContents[N] } = {
      connection: this.#connection,
      totals: { ...TOTALS, records: newest + 1, rows: newest + 1, threads: 1 },
      partitions: partitions(),
      threads: threads(newest),
    };
    contents.file = {
      name: "run.dscap",
      format: "capture",
      bytes: 100,
      readBytes: 100,
      state: this.fileState,
      word: "",
      unusable: 0,
      metadata: "",
    };
    if (asked.events !== undefined) contents.events = events(asked.events, newest);
    if (asked.record !== undefined) contents.record = record(asked.record.row ?? -1);
    if (asked.run !== undefined) contents.run = { unknown: asked.run.run };
    const runs = asked.runs === undefined ? null : fakeRuns(this.#runs, asked.runs);
    if (runs !== null) contents.runs = runs.view;
    const answers: Partial<Record<PanelName, Versioned<unknown>>> = {};
    for (const name of Object.keys(asked) as PanelName[]) {
      const version = this.#versionOf(name);
      if (contents[name] === undefined || asked[name]?.known === version) continue;
      const strings = name === "runs" ? (runs?.strings ?? []) : ["", "run-1"];
      answers[name] = { ...contents[name], version, strings };
    }
    // Each name has the content of that name.
    return answers as PanelAnswers;
  }

  #versionOf(name: PanelName): number {
    if (name === "record") return 1;
    return name === "connection" ? this.#turn : this.#version;
  }
}

function partitions(): PanelContents["partitions"] {
  return {
    partitions: {
      partition: new Uint32Array(),
      position: new BigUint64Array(),
      head: new BigUint64Array(),
      records: new Float64Array(),
      rejects: new Float64Array(),
      gaps: new Float64Array(),
    },
    digests: [],
  };
}

function threads(newest: number): ThreadsView {
  return {
    threads: {
      thread: Uint32Array.of(1),
      partition: Uint32Array.of(0),
      records: Float64Array.of(newest + 1),
      lastMs: Float64Array.of(0),
      lastOffset: BigUint64Array.of(0n),
      node: Uint32Array.of(0),
      status: Uint32Array.of(0),
      errors: Uint32Array.of(0),
      newerSchema: Uint8Array.of(0),
    },
    total: 1,
  };
}

/** Rows `newest`, `newest - 1`, and so on. */
function events(asked: NonNullable<QueryMessage["panels"]["events"]>, newest: number): EventsView {
  const top = asked.frozenAt ?? newest;
  const count = Math.max(0, Math.min(asked.count, top + 1 - asked.first));
  const rows = Array.from({ length: count }, (_, at) => top - asked.first - at);
  const zeros = rows.map(() => 0);
  const bigZeros = rows.map(() => 0n);
  return {
    events: {
      row: Float64Array.from(rows),
      kind: Uint8Array.from(zeros),
      eventType: Int32Array.from(zeros),
      partition: Uint32Array.from(zeros),
      offset: BigUint64Array.from(bigZeros),
      index: Uint32Array.from(zeros),
      lastOffset: BigUint64Array.from(bigZeros),
      timestampMs: Float64Array.from(zeros),
      sequence: BigUint64Array.from(bigZeros),
      thread: Uint32Array.from(zeros),
      node: Uint32Array.from(zeros),
      code: Uint32Array.from(zeros),
      summary: Uint32Array.from(zeros),
      bytes: Uint32Array.from(zeros),
      newerSchema: Uint8Array.from(zeros),
      failure: Uint8Array.from(zeros),
      repeat: Uint8Array.from(zeros),
    },
    total: newest + 1,
    newestRow: newest,
    newerRows: newest - top,
    landing: "",
    landedAt: -1,
    edge: "",
  };
}

function record(row: number): PanelContents["record"] {
  return {
    row,
    thread: "run-1",
    node: "",
    eventType: 0,
    firstHeld: "",
    held: true,
    partition: 0,
    offset: "1",
    lastOffset: "1",
    index: 0,
    batchEvents: 0,
    timestampMs: 0,
    kind: "event",
    code: "",
    frame: "raw",
    payloadBytes: 0,
    decodedBytes: 0,
    hasMessage: false,
    error: "",
    errorOf: "",
    errorAt: -1,
  };
}
