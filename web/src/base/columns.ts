/** Text columns of an answer. */

/** The text a column's entry stands for. */
export function textAt(strings: readonly string[], index: number | undefined): string {
  return index === undefined ? "" : (strings[index] ?? "");
}
