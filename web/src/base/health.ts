/** The relay's own account of itself, as far as the page shows it. Unknown members are left alone. */

export interface PartitionHealth {
  readonly partition: string;
  /** Records between what the relay has read and Kafka's end, or null where it is not known. */
  readonly lag: bigint | null;
  readonly lastAnswerAgoMs: number | null;
  readonly pausedAt: string | null;
  readonly pauseReason: string;
}

export interface RelayWindow {
  readonly spanMs: number;
  readonly accepted: number;
  readonly refused: number;
  readonly kafkaErrors: number;
}

export interface RelayHealth {
  readonly status: string;
  readonly reasons: readonly string[];
  readonly topic: string;
  /** "connecting", "absent" or "present". */
  readonly topicState: string;
  readonly lastRecordAgoMs: number | null;
  readonly uptimeMs: number | null;
  readonly clients: number | null;
  /** Of the last `spanMs`. */
  readonly window: RelayWindow | null;
  readonly partitions: readonly PartitionHealth[];
}

/** What asking for it came to. */
export type HealthAnswer =
  | { readonly kind: "health"; readonly health: RelayHealth }
  /** Whoever answers has no such account: not a relay, or a proxy. */
  | { readonly kind: "none"; readonly status: number }
  | { readonly kind: "silent" };

const WAIT_MS_MAX = 5_000;
const BYTES_MAX = 4_194_304;
const REASONS_MAX = 20;

/** Asks once; an answer that cannot be read is none. */
export async function askHealth(url: string): Promise<HealthAnswer> {
  let response: Response;
  try {
    response = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(WAIT_MS_MAX) });
  } catch {
    return { kind: "silent" };
  }
  try {
    const text = await response.text();
    const health = text.length > BYTES_MAX ? null : readHealth(JSON.parse(text));
    return health === null ? { kind: "none", status: response.status } : { kind: "health", health };
  } catch {
    return { kind: "none", status: response.status };
  }
}

/** Reads an account; null if it is not one. */
export function readHealth(value: unknown): RelayHealth | null {
  const health = object(value);
  if (health === null || typeof health["status"] !== "string") return null;
  const topic = object(health["topic"]) ?? {};
  const reasons = Array.isArray(health["reasons"]) ? (health["reasons"] as unknown[]) : [];
  return {
    status: health["status"],
    reasons: reasons.slice(0, REASONS_MAX).map(text),
    topic: text(topic["name"]),
    topicState: text(topic["state"]),
    lastRecordAgoMs: number(health["lastRecordAgoMs"]),
    uptimeMs: number(health["uptimeMs"]),
    clients: number(health["clients"]),
    window: readWindow(object(health["window"])),
    partitions: Object.entries(object(health["partitions"]) ?? {}).map(([partition, state]) =>
      readPartition(partition, object(state) ?? {}),
    ),
  };
}

function readWindow(window: Record<string, unknown> | null): RelayWindow | null {
  const spanMs = number(window?.["spanMs"]);
  if (window === null || spanMs === null) return null;
  return {
    spanMs,
    accepted: number(window["accepted"]) ?? 0,
    refused: number(window["refused"]) ?? 0,
    kafkaErrors: number(window["kafkaErrors"]) ?? 0,
  };
}

function readPartition(partition: string, state: Record<string, unknown>): PartitionHealth {
  const paused = object(state["paused"]);
  const lag = text(state["lag"]);
  return {
    partition,
    lag: /^\d{1,20}$/u.test(lag) ? BigInt(lag) : null,
    lastAnswerAgoMs: number(state["lastAnswerAgoMs"]),
    pausedAt: paused === null ? null : text(paused["offset"]),
    pauseReason: paused === null ? "" : text(paused["reason"]),
  };
}

function object(value: unknown): Record<string, unknown> | null {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function number(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
