/** Times as text in one zone: that of the browser, or UTC. No other code of the page writes a time. */
import { age, isTime, NONE } from "./format.js";

export type Zone = "local" | "utc";

const MINUTE_MS = 60_000;
/** Clocks of two machines that are right differ by less. */
const AHEAD_MS = 5_000;

/** "2 h ahead of this browser's clock"; empty where a time is not ahead of it. */
export function aheadText(ms: number, nowMs: number): string {
  const aheadMs = ms - nowMs;
  return isTime(ms) && aheadMs > AHEAD_MS ? `${age(aheadMs)} ahead of this browser's clock` : "";
}

/** One zone's ways to write a time. */
export class Times {
  readonly #clock: Intl.DateTimeFormat;
  readonly #date: Intl.DateTimeFormat;
  readonly #day: Intl.DateTimeFormat;
  readonly #zone: Intl.DateTimeFormat;
  readonly #offset: Intl.DateTimeFormat;
  #today = { minute: 0, date: "" };

  /** Local is the zone of the browser, unless another is named. */
  constructor(zone: Zone, local?: string) {
    const named = zone === "utc" ? "UTC" : local;
    const timeZone = named === undefined ? {} : { timeZone: named };
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
    this.#zone = new Intl.DateTimeFormat("en-US", { ...timeZone, timeZoneName: "shortOffset" });
    this.#offset = new Intl.DateTimeFormat("en-US", { ...timeZone, timeZoneName: "longOffset" });
  }

  /** "UTC", or the zone's offset from it, such as "UTC+2": in summer another one than in winter. */
  zoneName(ms = Date.now()): string {
    return zoneOf(this.#zone, ms);
  }

  /** Time of day with milliseconds; of another day than today, the day too, and of another year its date. */
  row(ms: number, nowMs = Date.now()): string {
    if (!isTime(ms)) return NONE;
    const time = this.#clock.format(ms);
    const date = this.#date.format(ms);
    const today = this.#dateOf(nowMs);
    if (date === today) return time;
    return date.slice(0, 4) === today.slice(0, 4)
      ? `${this.#day.format(ms)} ${time.slice(0, 8)}`
      : `${date} ${time.slice(0, 5)}`;
  }

  /** In little room: the time of day to the second; of another day, the day. */
  short(ms: number, nowMs = Date.now()): string {
    const text = this.row(ms, nowMs);
    const [day, time] = text.split(" ");
    if (time === undefined) return text.slice(0, 8);
    return day?.includes("-") === true ? day : text.slice(0, 6);
  }

  /** In a sentence: to the second, with its day where that is not today, and its zone. */
  moment(ms: number, nowMs = Date.now()): string {
    if (!isTime(ms)) return NONE;
    return `${this.row(ms, nowMs).replace(/\.\d+$/u, "")} ${this.zoneName(ms)}`;
  }

  /** The full instant with its zone, and how far it is ahead of this browser's clock. */
  instant(ms: number, nowMs = Date.now()): string {
    if (!isTime(ms)) return `no usable time (${ms})`;
    const ahead = aheadText(ms, nowMs);
    const text = `${this.#date.format(ms)} ${this.#clock.format(ms)} ${zoneOf(this.#offset, ms)}`;
    return ahead === "" ? text : `${text}, ${ahead}`;
  }

  #dateOf(nowMs: number): string {
    const minute = Math.floor(nowMs / MINUTE_MS);
    if (this.#today.minute !== minute) this.#today = { minute, date: this.#date.format(nowMs) };
    return this.#today.date;
  }
}

/** The zone as a format writes it, by the name UTC. */
function zoneOf(format: Intl.DateTimeFormat, ms: number): string {
  const named = format.formatToParts(ms).find((part) => part.type === "timeZoneName");
  const name = named?.value.replace("GMT", "UTC") ?? "local time";
  return name.replace(/\+0+(?::00)?$/u, "");
}
