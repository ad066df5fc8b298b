/** The zone of every time on the page; the choice is kept for the next visit. */
import { readStored, writeStored } from "../base/storage.js";
import { Times, type Zone } from "../base/zone.js";

const KEY = "dashstream.zone";

export class ZoneState {
  zone = $state<Zone>(readStored(KEY) === "utc" ? "utc" : "local");
  readonly #times = $derived(new Times(this.zone));

  /** "UTC" or the zone's offset. */
  get zoneName(): string {
    return this.#times.zoneName;
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

  instant(ms: number): string {
    return this.#times.instant(ms);
  }
}
