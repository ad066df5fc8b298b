/** Numbers, sizes and times as text. Every figure on the page is formatted here. */

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat("en-US", {
  maximumFractionDigits: 1,
  minimumFractionDigits: 1,
});
const grouped2 = new Intl.NumberFormat("en-US", {
  maximumFractionDigits: 2,
  minimumFractionDigits: 2,
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

/** A length of time with as much as tells: "850 ms", "12.3 s", "4 min 5 s", "3 h 20 min", "2 days 3 h". */
export function duration(ms: number): string {
  const size = Math.abs(ms);
  if (size < 999.5) return `${count(Math.round(ms))} ms`;
  if (size < 59_950) return `${oneDigit.format(ms / 1000)} s`;
  const sign = ms < 0 ? "-" : "";
  const seconds = Math.round(size / 1000);
  const two = (big: number, bigUnit: string, small: number, smallUnit: string): string =>
    `${sign}${count(big)} ${bigUnit}${small === 0 ? "" : ` ${small} ${smallUnit}`}`;
  if (seconds < 3600) return two(Math.floor(seconds / 60), "min", seconds % 60, "s");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 2880) return two(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.floor(minutes / 60);
  return two(Math.floor(hours / 24), "days", hours % 24, "h");
}

/** US dollars with at least two digits that tell: "$12.30", "$0.0042". */
export function dollars(value: number): string {
  if (value === 0 || value >= 0.995) return `$${grouped2.format(value)}`;
  return `$${value.toFixed(Math.min(9, 1 - Math.floor(Math.log10(value))))}`;
}
