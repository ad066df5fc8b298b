/** How bad a figure is, by the limits of M-1004 of the requirements; the highest is looked at first. */

export type Severity = "good" | "warn" | "bad";

interface Limits {
  /** Above it is yellow. */
  readonly warn: number;
  /** Above it is red. */
  readonly bad: number;
}

/** Mean time from receiving a message to having applied it, ms. */
export const APPLY_LAG_MS: Limits = { warn: 1_000, bad: 5_000 };
/** Binary messages received and not applied. */
export const BACKLOG_MESSAGES: Limits = { warn: 100, bad: 500 };

export function severity(value: number, limits: Limits): Severity {
  if (value > limits.bad) return "bad";
  return value > limits.warn ? "warn" : "good";
}

export function worse(one: Severity, other: Severity): Severity {
  if (one === "bad" || other === "bad") return "bad";
  return one === "warn" || other === "warn" ? "warn" : "good";
}
