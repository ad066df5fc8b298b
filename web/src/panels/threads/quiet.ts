/** Whether a thread that runs has anything to say still. */
import { age, isTime } from "../../base/format.js";

/** A running thread that sends nothing for this long is shown as silent. */
export const QUIET_MS = 60_000;

/** "silent for 5 min", or empty. */
export function silence(status: string, lastMs: number, nowMs: number): string {
  const silentMs = nowMs - lastMs;
  const silent = status === "running" && isTime(lastMs) && silentMs >= QUIET_MS;
  return silent ? `silent for ${age(silentMs)}` : "";
}
