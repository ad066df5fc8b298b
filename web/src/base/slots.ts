/**
 * Which element of a list draws which row. A row keeps its element for as long as it is on the screen,
 * wherever it moves; an element that becomes free draws the next row that comes.
 */
export class Slots<K> {
  #held = new Map<K, number>();
  #count = 0;
  /** As they were given last. */
  #slots: readonly number[] = [];

  /**
   * A number for each key, none twice; keys that were there before keep theirs. Null is a row not known. In
   * a list that nobody reads, elements stay in place if most rows are new: rewriting a row is cheaper than
   * moving its element.
   */
  assign(keys: readonly (K | null)[], isRead = true): number[] {
    const slots = isRead || this.#fewAreNew(keys) ? this.#byKey(keys) : this.#inPlace(keys);
    this.#count = keys.length;
    this.#slots = slots;
    return slots;
  }

  #fewAreNew(keys: readonly (K | null)[]): boolean {
    const known = keys.filter((key) => key !== null && this.#held.has(key));
    return 2 * known.length >= keys.length;
  }

  #inPlace(keys: readonly (K | null)[]): number[] {
    const taken = new Set(this.#slots.slice(0, keys.length));
    let next = 0;
    const slots = keys.map((_, at) => {
      const own = this.#slots[at];
      if (own !== undefined) return own;
      while (taken.has(next)) next += 1;
      taken.add(next);
      return next;
    });
    this.#held = new Map();
    keys.forEach((key, at) => {
      if (key !== null && !this.#held.has(key)) this.#held.set(key, slots[at] ?? 0);
    });
    return slots;
  }

  #byKey(keys: readonly (K | null)[]): number[] {
    const kept = new Map<K, number>();
    const taken = new Set<number>();
    for (const key of keys) {
      const slot = key === null ? undefined : this.#held.get(key);
      if (key !== null && slot !== undefined && !taken.has(slot)) {
        kept.set(key, slot);
        taken.add(slot);
      }
    }
    const free: number[] = [];
    for (let slot = Math.max(this.#count, keys.length) - 1; slot >= 0; slot -= 1) {
      if (!taken.has(slot)) free.push(slot);
    }
    this.#held = kept;
    const used = new Set<number>();
    return keys.map((key) => {
      const own = key === null ? undefined : kept.get(key);
      if (own !== undefined && !used.has(own)) {
        used.add(own);
        return own;
      }
      const slot = free.pop() ?? keys.length;
      used.add(slot);
      if (key !== null) kept.set(key, slot);
      return slot;
    });
  }
}
