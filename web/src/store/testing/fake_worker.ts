/** A worker that records what it is told and says what the test wants; for store tests only. */
import type {
  Names,
  PageMessage,
  QueryMessage,
  ViewMessage,
  WorkerMessage,
} from "../../generated/decode_wasm.js";

export const NAMES: Names = {
  rowKinds: ["event", "gap"],
  eventTypes: { 11: "NODE_END" },
  rejectCodes: {},
  gapCauses: {},
  schemaVersion: 1,
};

export class FakeWorker {
  readonly told: PageMessage[] = [];
  ended = false;
  onmessage: ((event: { data: WorkerMessage }) => void) | null = null;
  onmessageerror: (() => void) | null = null;
  onerror: ((event: { message: string; preventDefault: () => void }) => void) | null = null;

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

  /** Answers the last query with rows `newest`, `newest - 1`, and so on. */
  answer(newest: number, change: Partial<ViewMessage> = {}): void {
    const query = this.lastQuery();
    const top = query.frozenAt ?? newest;
    const total = top + 1;
    const count = Math.max(0, Math.min(query.events.count, total - query.events.first));
    const rows = Array.from({ length: count }, (_, at) => top - query.events.first - at);
    this.say({ ...view(query.id, rows, newest), newerRows: newest - top, ...change });
  }
}

function view(id: number, rows: readonly number[], newest: number): ViewMessage {
  const zeros = rows.map(() => 0);
  const bigZeros = rows.map(() => 0n);
  return {
    type: "view",
    id,
    connection: {
      phase: "live",
      epoch: 1,
      retryInMs: null,
      lastClose: null,
      notice: "",
      relayVersion: "0.0.0",
      topic: "topic",
      namespace: "",
      mode: "strict",
      replayProgress: null,
      problems: [],
      unackedBytes: 0,
      backlogFrames: 0,
      applyLagMs: 0,
    },
    totals: {
      records: newest + 1,
      bytes: 0,
      rows: newest + 1,
      rejects: 0,
      gaps: 0,
      gapOffsets: 0,
      newerSchema: 0,
      newerThreads: 0,
      repeats: 0,
      evictedRows: 0,
      threads: 1,
    },
    partitions: {
      partition: new Uint32Array(),
      position: new BigUint64Array(),
      head: new BigUint64Array(),
      records: new Float64Array(),
      rejects: new Uint32Array(),
      gaps: new Uint32Array(),
      digest: [],
    },
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
    threadTotal: 1,
    events: {
      row: Float64Array.from(rows),
      kind: Uint8Array.from(zeros),
      eventType: Uint16Array.from(zeros),
      partition: Uint32Array.from(zeros),
      offset: BigUint64Array.from(bigZeros),
      lastOffset: BigUint64Array.from(bigZeros),
      timestampMs: Float64Array.from(zeros),
      sequence: BigUint64Array.from(bigZeros),
      thread: Uint32Array.from(zeros),
      node: Uint32Array.from(zeros),
      code: Uint32Array.from(zeros),
      summary: Uint32Array.from(zeros),
      bytes: Uint32Array.from(zeros),
      newerSchema: Uint8Array.from(zeros),
      repeat: Uint8Array.from(zeros),
    },
    eventTotal: newest + 1,
    newestRow: newest,
    newerRows: 0,
    strings: ["", "run-1"],
  };
}
