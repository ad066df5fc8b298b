/**
 * Reads text constants out of the wire authority while the page is built, so that the page never
 * holds a second definition of a name on which it must agree with the relay.
 */
import { readFileSync } from "node:fs";

const AUTHORITY = new URL("../../decode-core/src/wire.rs", import.meta.url);

/** The text of `pub const NAME: &str = "...";`; the build fails where there is none. */
export function wireText(name: string): string {
  const source = readFileSync(AUTHORITY, "utf8");
  const text = new RegExp(`pub const ${name}: &str = "([^"\\\\]+)";`).exec(source)?.[1];
  if (text === undefined) {
    throw new Error(`decode-core/src/wire.rs defines no text constant ${name}`);
  }
  return text;
}
