/** Numbers, sizes and times as text. Every figure on the page is formatted here. */

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat("en-US", {
  maximumFractionDigits: 1,
  minimumFractionDigits: 1,
});
/** Shown where there is no value, so that nothing unknown looks like a zero. */
export const NONE = "\u2013";
/** Times outside of these are damaged or on another clock: before September 2001, beyond a Date. */
const TIME_MS_MIN = 1e12;
const TIME_MS_MAX = 8.64e15;
const UNITS = ["KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** 1234567 as "1,234,567"; 64-bit values stay exact. */
export function count(value: number | bigint): string {
  return grouped.format(value);
}

/** "1 gap", "2 gaps", "1 entry", "2 entries". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** 1536 as "1.5 KiB". */
export function byteSize(bytes: number): string {
  if (bytes < 1024) return `${count(bytes)} B`;
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value >= 100 ? count(value) : oneDigit.format(value)} ${UNITS[unit] ?? ""}`;
}

/** A rate with as many digits as it can bear; `null` is unknown. */
export function perSecond(rate: number | null): string {
  if (rate === null) return NONE;
  return rate >= 100 || rate === 0 ? count(Math.round(rate)) : oneDigit.format(rate);
}

/** Whether a time in milliseconds since 1970 is one that can be shown. */
export function isTime(ms: number): boolean {
  return ms >= TIME_MS_MIN && ms <= TIME_MS_MAX;
}

/** Time until the next attempt, in whole seconds, never below one while waiting. */
export function countdown(ms: number): string {
  return `${Math.max(1, Math.ceil(ms / 1000))} s`;
}

/** Fraction 0..1 as a whole percentage that says 100 only when it is done. */
export function percent(fraction: number): string {
  const clamped = Math.min(1, Math.max(0, fraction));
  return `${Math.floor(clamped * 100)} %`;
}

/** How many offsets lie between a position and a head; none when the position is past it. */
export function behind(position: bigint, head: bigint): bigint {
  return head > position ? head - position : 0n;
}

/** An age in the largest unit that tells enough: "now", "7 s", "5 min", "3 h", "2 days". */
export function age(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 1) return "now";
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${count(Math.floor(seconds / 86_400))} days`;
}
