/**
 * Which element of a list draws which row. A row keeps its element for as long as it is on the screen,
 * wherever it moves; an element that becomes free draws the next row that comes.
 */
export class Slots<K> {
  #held = new Map<K, number>();
  #count = 0;

  /** A number for each key, none twice; keys that were there before keep theirs. Null is a row not known. */
  assign(keys: readonly (K | null)[]): number[] {
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
    this.#count = keys.length;
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
