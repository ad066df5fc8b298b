// Messages between the page and its worker. This text becomes part of the module's generated type
// definitions (see messages.rs); the page imports it from there and types nothing of it again.

/** Page to worker. Unknown types are answered with `failed`. */
export type PageMessage =
  | StartMessage
  | QueryMessage
  | DetailMessage
  | { readonly type: "reset"; readonly from: StartFrom }
  | { readonly type: "wake" }
  | { readonly type: "stop" };

/** Where a connection without a stored cursor starts. */
export type StartFrom = "cursor" | "earliest" | "latest";

/** First message: opens the connection and keeps it open. */
export interface StartMessage {
  readonly type: "start";
  /** Absolute ws: or wss: address of the relay. */
  readonly url: string;
  readonly from: StartFrom;
  /** Compute a SHA-256 per partition over what was received (costs CPU; for verification). */
  readonly digest: boolean;
}

/** Asks for what is on the screen; answered by one `view`. At most one is in flight. */
export interface QueryMessage {
  readonly type: "query";
  readonly id: number;
  /** Rows of the event list, counted from the newest visible row backwards. */
  readonly events: { readonly first: number; readonly count: number };
  /** Freeze the list at this row id (the `newestRow` of an earlier view), or null to follow. */
  readonly frozenAt: number | null;
  readonly filter: EventFilter;
  readonly threads: { readonly first: number; readonly count: number; readonly sort: ThreadSort };
}

export interface EventFilter {
  /** Case-insensitive; matches thread id or node id; empty matches all. */
  readonly text: string;
  /** Only this thread, or null. */
  readonly thread: string | null;
  /** Names from `Names.rowKinds`; empty matches all. */
  readonly kinds: readonly string[];
  /** Only rejects and gaps. */
  readonly troubleOnly: boolean;
}

export type ThreadSort = "recent" | "name" | "records";

/** Asks for one row in full; answered by one `detail`. */
export interface DetailMessage {
  readonly type: "detail";
  readonly id: number;
  readonly row: number;
}

/** Worker to page. */
export type WorkerMessage =
  | { readonly type: "ready"; readonly names: Names; readonly coreVersion: string }
  | ViewMessage
  | DetailAnswer
  | { readonly type: "failed"; readonly message: string };

/** Every name the page shows for a number, from the core. */
export interface Names {
  /** Index = value of `rows.kind`: "event", "state_diff", ..., "gap", "reject". */
  readonly rowKinds: readonly string[];
  /** Event type number to name such as "NODE_START". */
  readonly eventTypes: Readonly<Record<number, string>>;
  readonly rejectCodes: Readonly<Record<number, string>>;
  readonly gapCauses: Readonly<Record<number, string>>;
  readonly schemaVersion: number;
}

export type ConnectionPhase =
  | "idle" | "connecting" | "resuming" | "replaying" | "live" | "waiting" | "stopped";

export interface ConnectionView {
  readonly phase: ConnectionPhase;
  /** Number of connections opened so far. */
  readonly epoch: number;
  /** Milliseconds until the next attempt while waiting, else null. */
  readonly retryInMs: number | null;
  readonly lastClose: { readonly code: number; readonly reason: string } | null;
  /** Text the relay wants shown, for example that the data is simulated; empty if none. */
  readonly notice: string;
  readonly relayVersion: string;
  readonly topic: string;
  readonly namespace: string;
  readonly mode: string;
  /** Fraction 0..1 of the replay, or null when there is none. */
  readonly replayProgress: number | null;
  /** The last problems a person should know of, newest last, at most 20; times in ms since 1970. */
  readonly problems: readonly { readonly atMs: number; readonly code: string; readonly text: string }[];
  readonly unackedBytes: number;
  /** Frames received and not yet applied. */
  readonly backlogFrames: number;
  /** Longest that something received waited to be decoded and applied, in the last 5 to 10 s. */
  readonly applyLagMs: number;
}

/** Totals since the worker started; exact up to 2^53. */
export interface Totals {
  readonly records: number;
  readonly bytes: number;
  readonly rows: number;
  readonly rejects: number;
  readonly gaps: number;
  readonly gapOffsets: number;
  /** Rows of a schema version newer than this build applies. */
  readonly newerSchema: number;
  /** Threads whose newest row is such a one; rows without a thread count as one. */
  readonly newerThreads: number;
  /** Rows of messages that came before: shown, and without further effect. */
  readonly repeats: number;
  readonly evictedRows: number;
  readonly threads: number;
}

/** Parallel columns, one entry a partition, ascending. 64-bit values are exact. */
export interface PartitionColumns {
  readonly partition: Uint32Array;
  /** Next offset expected. */
  readonly position: BigUint64Array;
  /** The relay's position when the connection resumed. */
  readonly head: BigUint64Array;
  readonly records: Float64Array;
  readonly rejects: Uint32Array;
  readonly gaps: Uint32Array;
  /** Lower-case hex SHA-256 per partition, empty strings unless `digest` was asked for. */
  readonly digest: readonly string[];
}

/** Parallel columns, one entry a thread. `text` columns index into `strings`. */
export interface ThreadColumns {
  readonly thread: Uint32Array;
  readonly partition: Uint32Array;
  readonly records: Float64Array;
  /** Kafka time of the newest record, ms. */
  readonly lastMs: Float64Array;
  readonly lastOffset: BigUint64Array;
  /** Index into `strings`: node last heard of. */
  readonly node: Uint32Array;
  /** Index into `strings`: "running", "ended", "failed" or "unknown". */
  readonly status: Uint32Array;
  readonly errors: Uint32Array;
  /** 1 where its newest row is of a schema version newer than this build applies. */
  readonly newerSchema: Uint8Array;
}

/** Parallel columns, one entry a visible row, newest first. */
export interface EventColumns {
  /** Row id: rises by one per row, stable while the row is held. */
  readonly row: Float64Array;
  readonly kind: Uint8Array;
  /** Event type number, 0 where the row is no event. */
  readonly eventType: Uint16Array;
  readonly partition: Uint32Array;
  readonly offset: BigUint64Array;
  /** Last offset of a gap, else the same as `offset`. */
  readonly lastOffset: BigUint64Array;
  /** Kafka time, ms. */
  readonly timestampMs: Float64Array;
  readonly sequence: BigUint64Array;
  readonly thread: Uint32Array;
  readonly node: Uint32Array;
  /** Reject code or gap cause, else 0. */
  readonly code: Uint32Array;
  /** Index into `strings`: token text, tool name, error message, duration, what changed ... */
  readonly summary: Uint32Array;
  readonly bytes: Uint32Array;
  /** 1 where the schema version is newer than this build applies. */
  readonly newerSchema: Uint8Array;
  /** 1 where a message with the same id came before. */
  readonly repeat: Uint8Array;
}

/** One answer to `query`. */
export interface ViewMessage {
  readonly type: "view";
  readonly id: number;
  readonly connection: ConnectionView;
  readonly totals: Totals;
  readonly partitions: PartitionColumns;
  readonly threads: ThreadColumns;
  readonly threadTotal: number;
  readonly events: EventColumns;
  /** Rows that match the filter and are held (at or before `frozenAt`). */
  readonly eventTotal: number;
  readonly newestRow: number;
  /** Rows that match and are newer than `frozenAt`. */
  readonly newerRows: number;
  /** Texts that the columns of this message index; entry 0 is the empty text. */
  readonly strings: readonly string[];
}

/** One answer to `detail`. */
export interface DetailAnswer {
  readonly type: "detail";
  readonly id: number;
  readonly row: number;
  /** False when the row was evicted meanwhile; the other fields are then empty. */
  readonly held: boolean;
  readonly partition: number;
  readonly offset: string;
  /** Last offset of a gap, else the same as `offset`. */
  readonly lastOffset: string;
  readonly timestampMs: number;
  readonly kind: string;
  readonly code: string;
  readonly frame: string;
  readonly payloadBytes: number;
  readonly decodedBytes: number;
  /** Canonical JSON text of the message, or "" where it cannot be decoded. */
  readonly json: string;
  /** What is wrong with the payload, or "". */
  readonly error: string;
  /** The payload's first bytes for the hex view (bounded). */
  readonly head: Uint8Array;
  readonly headTruncated: boolean;
}
