// What the scripts of this folder are started with.
import { basename } from "node:path";
import { parseArgs } from "node:util";

/**
 * The values of these options, each of which must be given: `--url URL` for "url".
 *
 * @template {string} Name
 * @param {...Name} names
 * @returns {Record<Name, string>}
 */
export function needed(...names) {
  const options = Object.fromEntries(
    names.map((name) => [name, { type: /** @type {const} */ ("string") }]),
  );
  const { values } = parseArgs({ options });
  const missing = names.filter((name) => (values[name] ?? "") === "");
  if (missing.length > 0) {
    const script = basename(process.argv[1] ?? "");
    process.stderr.write(`${script}: ${missing.map((name) => `--${name}`).join(", ")} missing\n`);
    process.exit(2);
  }
  return /** @type {Record<Name, string>} */ (values);
}
