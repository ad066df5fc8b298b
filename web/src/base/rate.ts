/** What a rate is over, where nothing else is said. */
export const RATE_WINDOW_MS = 3_000;
/** Readings closer together than this say nothing new. */
const SAMPLE_MS_MIN = 50;

/** A rate from a counter and a monotonic clock: unknown until enough time has been seen. */
export class RateMeter {
  readonly #windowMs: number;
  readonly #leastMs: number;
  #samples: { readonly ms: number; readonly value: number }[] = [];

  constructor(windowMs = RATE_WINDOW_MS, leastMs = 400) {
    this.#windowMs = windowMs;
    this.#leastMs = leastMs;
  }

  /** Takes one reading; a counter that fell was restarted, so what came before is forgotten. */
  add(ms: number, value: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && value < last.value) this.#samples = [];
    else if (last !== undefined && ms - last.ms < SAMPLE_MS_MIN) return;
    this.#samples.push({ ms, value });
    const oldest = ms - this.#windowMs;
    const keep = this.#samples.findIndex((sample) => sample.ms >= oldest);
    if (keep > 0) this.#samples.splice(0, keep);
  }

  /** Units per second over the window, or null where too little has been seen. */
  perSecond(): number | null {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined) return null;
    const elapsedMs = last.ms - first.ms;
    if (elapsedMs < this.#leastMs) return null;
    return ((last.value - first.value) * 1000) / elapsedMs;
  }

  /** Readings held; bounded by the window. */
  get samples(): number {
    return this.#samples.length;
  }

  clear(): void {
    this.#samples = [];
  }
}
