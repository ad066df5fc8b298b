/** Names of the core in words. */

/** A kind's name for people. */
export function kindLabel(kind: string): string {
  return kind.replaceAll("_", " ");
}
