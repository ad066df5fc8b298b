/**
 * The way of a record: producers, Kafka, the relay, this page. Each hop with its state, the age of what is
 * known of it, and the reason where something is wrong.
 */
import type { ConnectionView } from "../generated/decode_wasm.js";
import { age, count, plural } from "./format.js";
import type { HealthAnswer, RelayHealth } from "./health.js";
import { closeText, phaseText, type SignInNeed } from "./phase.js";
import { APPLY_LAG_MS, BACKLOG_MESSAGES, severity, worse } from "./severity.js";

export type HopTone = "good" | "quiet" | "busy" | "bad" | "unknown";

export interface Hop {
  readonly name: string;
  readonly tone: HopTone;
  readonly words: string;
  /** Reasons, one sentence each. */
  readonly reasons: readonly string[];
}

export interface Known {
  readonly health: HealthAnswer | null;
  /** How long ago that was, ms. */
  readonly healthAgeMs: number;
  readonly connection: ConnectionView | null;
  /** The relay's sentence where it lets nobody in. */
  readonly refusal: string;
  /** Whether the relay asks for a token. */
  readonly signIn: SignInNeed | null;
  readonly host: string;
  /** Offsets between the page and the relay's ends. */
  readonly remaining: number;
  /** A capture is served: nothing of it comes from Kafka now. */
  readonly isOfFile: boolean;
}

/** Producers that send nothing for this long are called quiet. */
const QUIET_MS = 60_000;
/** An account of the relay older than this is no longer taken for the present. */
export const HEALTH_STALE_MS = 20_000;
/** Records the relay may be behind Kafka while all is well. */
const LAG_FEW = 1_000n;

export function hopsOf(known: Known): readonly Hop[] {
  if (known.isOfFile) {
    const words = known.connection?.topic ?? "";
    return [{ name: "Capture", tone: "good", words, reasons: [] }, page(known)];
  }
  const served = isServed(known.connection);
  const { health } = known;
  const account =
    health?.kind === "health" && known.healthAgeMs < HEALTH_STALE_MS ? health.health : null;
  if (account === null) return [...unknownHops(known, served), page(known)];
  return [producers(account, known.healthAgeMs), kafka(account), relay(account), page(known)];
}

/** One sentence: which hop to look at first. */
export function verdict(hops: readonly Hop[]): string {
  const worst = hops.find((hop) => hop.tone === "bad");
  if (worst !== undefined) {
    const reason = worst.reasons[0];
    return `Trouble at: ${worst.name}. ${reason ?? worst.words}`;
  }
  if (hops.some((hop) => hop.tone === "unknown")) return "The state of some hops is unknown.";
  if (hops.some((hop) => hop.tone === "busy")) return "Catching up.";
  if (hops[0]?.tone === "quiet") return `Everything works; ${hops[0].words.toLowerCase()}.`;
  return "Everything works.";
}

function isServed(connection: ConnectionView | null): boolean {
  return connection?.phase === "live" || connection?.phase === "replaying";
}

function unknownHops(known: Known, served: boolean): readonly Hop[] {
  const words = "not known";
  const before = ["Producers", "Kafka"].map((name): Hop => ({
    name,
    tone: "unknown",
    words,
    reasons: [],
  }));
  return [...before, relayUnasked(known, served)];
}

function relayUnasked(known: Known, served: boolean): Hop {
  const { connection, refusal, host, health } = known;
  const name = "Relay";
  if (served) {
    const reasons = health?.kind === "none" ? ["It does not report its health."] : [];
    return { name, tone: "unknown", words: "serving", reasons };
  }
  if (known.signIn !== null)
    return { name, tone: "unknown", words: "asks for a token", reasons: [] };
  if (refusal !== "")
    return { name, tone: "bad", words: "accepts no connections", reasons: [refusal] };
  if (connection?.phase === "waiting") {
    return { name, tone: "bad", words: "no answer", reasons: [`No answer from ${host}.`] };
  }
  return { name, tone: "unknown", words: "not known", reasons: [] };
}

function producers({ lastRecordAgoMs, topicState }: RelayHealth, ageMs: number): Hop {
  const name = "Producers";
  if (topicState !== "present") return { name, tone: "unknown", words: "not known", reasons: [] };
  if (lastRecordAgoMs === null) {
    return { name, tone: "quiet", words: "No record since the relay started", reasons: [] };
  }
  const silentMs = lastRecordAgoMs + ageMs;
  return silentMs < QUIET_MS
    ? { name, tone: "good", words: `last record ${ago(silentMs)}`, reasons: [] }
    : { name, tone: "quiet", words: `No new record for ${age(silentMs)}`, reasons: [] };
}

function kafka(health: RelayHealth): Hop {
  const name = "Kafka";
  const reasons = health.reasons.filter((reason) => isOfKafka(reason));
  if (health.topicState === "absent") {
    return {
      name,
      tone: "bad",
      words: "topic missing",
      reasons: reasons.length > 0 ? reasons : [`The topic ${health.topic} does not exist.`],
    };
  }
  if (health.topicState === "connecting") {
    return { name, tone: "bad", words: "no broker answers", reasons: withDefault(reasons) };
  }
  const answers = health.partitions.map((one) => one.lastAnswerAgoMs ?? Number.POSITIVE_INFINITY);
  const oldest = Math.max(0, ...answers);
  if (reasons.length > 0) {
    const since = Number.isFinite(oldest) ? ` for ${age(oldest)}` : "";
    return { name, tone: "bad", words: `no answer${since}`, reasons };
  }
  const words = `${plural(health.partitions.length, "partition")}, answers`;
  return { name, tone: "good", words, reasons: [] };
}

function relay(health: RelayHealth): Hop {
  const name = "Relay";
  const paused = health.partitions.filter((one) => one.pausedAt !== null);
  const own = health.reasons.filter((reason) => !isOfKafka(reason));
  const lag = health.partitions.reduce((sum, one) => sum + (one.lag ?? 0n), 0n);
  if (own.length > 0) {
    const words =
      paused.length > 0 ? `${plural(paused.length, "partition")} paused` : health.status;
    return { name, tone: health.status === "starting" ? "busy" : "bad", words, reasons: own };
  }
  if (lag > LAG_FEW) {
    return { name, tone: "busy", words: `${count(lag)} records behind Kafka`, reasons: [] };
  }
  const words = lag === 0n ? "up to date with Kafka" : `${count(lag)} behind Kafka`;
  return { name, tone: "good", words, reasons: [] };
}

function page({ connection, refusal, signIn, host, remaining }: Known): Hop {
  const name = "This page";
  const phase = connection?.phase ?? "idle";
  const { words, tone } = phaseText(phase, signIn);
  if (signIn !== null && !isServed(connection)) {
    return { name, tone: "bad", words, reasons: [] };
  }
  if (tone === "bad") {
    const reason = refusal === "" ? closeText(connection?.lastClose ?? null, host) : refusal;
    return { name, tone: "bad", words, reasons: reason === "" ? [] : [reason] };
  }
  if (phase === "replaying") {
    return { name, tone: "busy", words: `${count(remaining)} records to load`, reasons: [] };
  }
  if (phase !== "live") return { name, tone: "unknown", words, reasons: [] };
  const lag = connection?.meanApplyLagMs ?? 0;
  const waiting = connection?.backlogMessages ?? 0;
  const bad = worse(severity(lag, APPLY_LAG_MS), severity(waiting, BACKLOG_MESSAGES));
  if (bad === "good") return { name, tone: "good", words: "Live", reasons: [] };
  const slow = lag > APPLY_LAG_MS.warn ? `shows records ${age(lag)} late` : "has a backlog";
  const reason = `${plural(waiting, "message waits", "messages wait")} to be decoded in this browser.`;
  return bad === "bad"
    ? { name, tone: "bad", words: slow, reasons: [reason] }
    : { name, tone: "busy", words: slow, reasons: [] };
}

/** What the relay says of its brokers and its topic; the rest is its own. */
function isOfKafka(reason: string): boolean {
  return /broker|the topic|topic was|probe/u.test(reason) && !reason.includes("paused");
}

function withDefault(reasons: readonly string[]): readonly string[] {
  return reasons.length > 0 ? reasons : ["No broker has answered yet."];
}

function ago(ms: number): string {
  const words = age(ms);
  return words === "now" ? "just now" : `${words} ago`;
}
