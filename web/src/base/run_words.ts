/** What became of a run, in words for people, and how it is marked. */
import { age, isTime } from "./format.js";
import { aheadText } from "./zone.js";

/** A mark has a shape of its own, so that it holds without colours. */
export type RunMark =
  "running" | "quiet" | "waiting" | "completed" | "failed" | "interrupted" | "ended" | "unknown";

export interface RunStatusText {
  readonly words: string;
  readonly mark: RunMark;
}

const STATUSES: Readonly<Record<string, RunStatusText>> = {
  running: { words: "running", mark: "running" },
  quiet: { words: "quiet", mark: "quiet" },
  waiting: { words: "waiting", mark: "waiting" },
  completed: { words: "completed", mark: "completed" },
  failed: { words: "failed", mark: "failed" },
  interrupted: { words: "resumed later", mark: "interrupted" },
  ended: { words: "ended", mark: "ended" },
  no_end_seen: { words: "no end seen", mark: "unknown" },
};

/** A status by its name. */
export function runStatus(status: string): RunStatusText {
  return STATUSES[status] ?? { words: status, mark: "unknown" };
}

/** The same with how long it has been so, where that matters: "waiting for 5 min". */
export function statusFor(
  status: string,
  times: { readonly waitingSinceMs: number; readonly heardMs: number },
  nowMs: number,
): string {
  const { words } = runStatus(status);
  const sinceMs = { waiting: times.waitingSinceMs, quiet: times.heardMs }[status] ?? -1;
  const lengthMs = nowMs - sinceMs;
  const ahead = aheadText(sinceMs, nowMs);
  if (ahead !== "") return `${words}, ${ahead}`;
  return isTime(sinceMs) && lengthMs >= 1000 ? `${words} for ${age(lengthMs)}` : words;
}

/** What is missing of a run's messages; empty where nothing is. */
export function lossText(integrity: string, gaps: number, missing: number): string {
  if (integrity === "gaps") return missing > 0 ? `${missing} missing` : `${gaps} gaps`;
  return integrity === "start_missing" ? "start missing" : "";
}
