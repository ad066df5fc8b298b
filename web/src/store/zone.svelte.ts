/** The zone of every time on the page; the choice is kept for the next visit. */
import { readStored, writeStored } from "../base/storage.js";
import { Times, type Zone } from "../base/zone.js";

const KEY = "dashstream.zone";

export class ZoneState {
  zone = $state<Zone>(readStored(KEY) === "utc" ? "utc" : "local");
  readonly #times = $derived(new Times(this.zone));

  /** "UTC", or the zone's offset from it at this time. */
  get zoneName(): string {
    return this.#times.zoneName();
  }

  next(): void {
    this.zone = this.zone === "utc" ? "local" : "utc";
    writeStored(KEY, this.zone === "utc" ? "utc" : null);
  }

  row(ms: number): string {
    return this.#times.row(ms);
  }

  short(ms: number): string {
    return this.#times.short(ms);
  }

  moment(ms: number): string {
    return this.#times.moment(ms);
  }

  instant(ms: number): string {
    return this.#times.instant(ms);
  }

  /** A time that somebody wrote as text, in the page's words where it is one. */
  said(text: string): string {
    const ms = Date.parse(text);
    return Number.isNaN(ms) ? text : this.instant(ms);
  }
}
