/** Times that people type, and times for files, which are in UTC. */
import type { Zone } from "./zone.js";

const DAY = /^(\d{4})-(\d\d)-(\d\d)$/u;
const CLOCK = /^(\d\d?):(\d\d)(?::(\d\d)(?:[.,](\d{1,3}))?)?$/u;
/** A day of the calendar, of which the month counts from 0. */
type Day = readonly [year: number, month: number, date: number];

/**
 * A time in ms since 1970. A day that is not said is that of `nearMs`; a zone that is not said is the page's.
 */
export function timeOf(text: string, zone: Zone, nearMs: number): number | null {
  const whole = text.trim().replace(/^T/u, "");
  const said = whole.replace(/(?: UTC|Z)$/u, "");
  const isUtc = zone === "utc" || said !== whole;
  const [first = "", second, ...more] = said.split(/[T ]/u);
  const saidDay = DAY.exec(first);
  const clock = CLOCK.exec((saidDay === null ? first : second) ?? "00:00");
  if (clock === null || more.length > 0 || (saidDay === null && second !== undefined)) return null;
  const [hour, minute, seconds] = [Number(clock[1]), Number(clock[2]), Number(clock[3] ?? 0)];
  if (hour > 23 || minute > 59 || seconds > 59) return null;
  const day: Day =
    saidDay === null
      ? dayOf(nearMs, isUtc)
      : [Number(saidDay[1]), Number(saidDay[2]) - 1, Number(saidDay[3])];
  const ms = Number((clock[4] ?? "0").padEnd(3, "0"));
  const at = [...day, hour, minute, seconds, ms] as const;
  const time = isUtc ? Date.UTC(...at) : new Date(...at).getTime();
  // A day that the calendar does not have becomes another one.
  return dayOf(time, isUtc).join() === day.join() ? time : null;
}

function dayOf(ms: number, isUtc: boolean): Day {
  const at = new Date(ms);
  return isUtc
    ? [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()]
    : [at.getFullYear(), at.getMonth(), at.getDate()];
}

/** `2026-01-31T14:05:07.250Z`. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
