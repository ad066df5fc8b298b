/** Times as text in one zone: that of the browser, or UTC. */
import { isTime, NONE } from "./format.js";

export type Zone = "local" | "utc";

const MINUTE_MS = 60_000;

/** One zone's ways to write a time. */
export class Times {
  readonly #clock: Intl.DateTimeFormat;
  readonly #date: Intl.DateTimeFormat;
  readonly #day: Intl.DateTimeFormat;
  /** "UTC", or the zone's offset such as "GMT+2". */
  readonly zoneName: string;
  #today = { minute: 0, date: "" };

  constructor(zone: Zone) {
    const timeZone = zone === "utc" ? { timeZone: "UTC" } : {};
    this.#clock = new Intl.DateTimeFormat("en-GB", {
      ...timeZone,
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      fractionalSecondDigits: 3,
      hour12: false,
    });
    this.#date = new Intl.DateTimeFormat("sv-SE", {
      ...timeZone,
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
    });
    this.#day = new Intl.DateTimeFormat("en-US", { ...timeZone, month: "short", day: "2-digit" });
    const parts = new Intl.DateTimeFormat("en-US", { ...timeZone, timeZoneName: "shortOffset" });
    const named = parts.formatToParts(0).find((part) => part.type === "timeZoneName");
    this.zoneName = zone === "utc" ? "UTC" : (named?.value ?? "local time");
  }

  /** Time of day with milliseconds; of another day than today, the day and the time to the second. */
  row(ms: number, nowMs = Date.now()): string {
    if (!isTime(ms)) return NONE;
    const time = this.#clock.format(ms);
    return this.#isToday(ms, nowMs) ? time : `${this.#day.format(ms)} ${time.slice(0, 8)}`;
  }

  /** Time of day to the second; of another day, the day. */
  short(ms: number, nowMs = Date.now()): string {
    if (!isTime(ms)) return NONE;
    return this.#isToday(ms, nowMs) ? this.#clock.format(ms).slice(0, 8) : this.#day.format(ms);
  }

  /** The full instant with its zone. */
  instant(ms: number): string {
    if (!isTime(ms)) return `no usable time (${ms})`;
    return `${this.#date.format(ms)} ${this.#clock.format(ms)} ${this.#offset(ms)}`;
  }

  #offset(ms: number): string {
    if (this.zoneName === "UTC") return "UTC";
    const minutes = -new Date(ms).getTimezoneOffset();
    const sign = minutes < 0 ? "-" : "+";
    const two = (value: number): string => String(Math.floor(Math.abs(value))).padStart(2, "0");
    return `UTC${sign}${two(minutes / 60)}:${two(Math.abs(minutes) % 60)}`;
  }

  #isToday(ms: number, nowMs: number): boolean {
    const minute = Math.floor(nowMs / MINUTE_MS);
    if (this.#today.minute !== minute) this.#today = { minute, date: this.#date.format(nowMs) };
    return this.#date.format(ms) === this.#today.date;
  }
}
