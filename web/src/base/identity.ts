/** Objects that stay the same while what they say does, so that nobody draws them again. */

/** The items, each replaced by the one before with the same key where the two say the same. */
export function kept<T extends object>(
  before: readonly T[],
  now: readonly T[],
  keyOf: (item: T) => unknown,
): T[] {
  const known = new Map(before.map((item) => [keyOf(item), item]));
  return now.map((item) => {
    const same = known.get(keyOf(item));
    return same !== undefined && saysTheSame(same, item) ? same : item;
  });
}

function saysTheSame<T extends object>(one: T, other: T): boolean {
  return (Object.keys(one) as (keyof T)[]).every((key) => Object.is(one[key], other[key]));
}

/** The newest of each row, where it stood; in room that is left, those that were not among them. */
export function inPlace<T>(
  shown: readonly T[],
  newest: readonly T[],
  keyOf: (row: T) => unknown,
): readonly T[] {
  const byKey = new Map(newest.map((row) => [keyOf(row), row]));
  const staying = shown.map((row) => byKey.get(keyOf(row)) ?? row);
  for (const row of shown) byKey.delete(keyOf(row));
  return [...staying, ...byKey.values()].slice(0, newest.length);
}
