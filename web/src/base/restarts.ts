/** How often a worker that died is started again before a person is asked. */
export class RestartBudget {
  readonly #countMax: number;
  readonly #windowMs: number;
  #at: number[] = [];

  constructor(countMax = 3, windowMs = 60_000) {
    this.#countMax = countMax;
    this.#windowMs = windowMs;
  }

  /** Takes one restart out of the budget; false when there is none left. */
  take(nowMs: number): boolean {
    this.#at = this.#at.filter((ms) => nowMs - ms < this.#windowMs);
    if (this.#at.length >= this.#countMax) return false;
    this.#at.push(nowMs);
    return true;
  }
}
