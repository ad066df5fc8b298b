/**
 * Indents JSON by moving its text only. Nothing is parsed into values, so that 64-bit integers,
 * `1.0` and the order of keys reach the screen as they were sent.
 */
export interface JsonLine {
  readonly depth: number;
  /** The key's text with its quotes, or empty. */
  readonly key: string;
  /** A scalar's text, or brackets. */
  readonly value: string;
  readonly kind: JsonKind;
  readonly comma: boolean;
}

export type JsonKind = "string" | "number" | "word" | "bracket";

const SPACE = /[ \t\r\n]*/y;
/** Anything up to the next mark: a number, a word, or text that is no JSON. */
const BARE = /[^ \t\r\n,:{}[\]"]+/y;

/** Lines in order, made as they are asked for: a reader of the first screen pays for no more. */
export function* jsonLines(text: string): Generator<JsonLine, void, undefined> {
  let at = skip(text, 0);
  let depth = 0;
  let key = "";
  while (at < text.length) {
    const mark = text.charAt(at);
    if (mark === "," || mark === ":") {
      at = skip(text, at + 1);
      continue;
    }
    let value = token(text, at);
    at = skip(text, at + value.length);
    if (value.startsWith('"') && key === "" && text.charAt(at) === ":") {
      key = value;
      at = skip(text, at + 1);
      continue;
    }
    const opens = value === "{" || value === "[";
    if (opens && (text.charAt(at) === "}" || text.charAt(at) === "]")) {
      value += text.charAt(at);
      at = skip(text, at + 1);
    }
    if (value === "}" || value === "]") depth = Math.max(0, depth - 1);
    yield { depth, key, value, kind: kindOf(value), comma: text.charAt(at) === "," };
    if (value === "{" || value === "[") depth += 1;
    key = "";
  }
}

/** The first lines, and whether there are more. */
export function firstLines(text: string, countMax: number): { lines: JsonLine[]; more: boolean } {
  const lines: JsonLine[] = [];
  for (const line of jsonLines(text)) {
    if (lines.length === countMax) return { lines, more: true };
    lines.push(line);
  }
  return { lines, more: false };
}

/** The whole text, indented by two spaces a level. */
export function indented(text: string): string {
  const lines: string[] = [];
  for (const line of jsonLines(text)) {
    const key = line.key === "" ? "" : `${line.key}: `;
    lines.push(`${"  ".repeat(line.depth)}${key}${line.value}${line.comma ? "," : ""}`);
  }
  return lines.join("\n");
}

function skip(text: string, at: number): number {
  SPACE.lastIndex = at;
  return at + (SPACE.exec(text)?.[0].length ?? 0);
}

/** The token at a position that is no space; at least one character, so that every text ends. */
function token(text: string, at: number): string {
  if (text.charAt(at) === '"') return text.slice(at, stringEnd(text, at));
  BARE.lastIndex = at;
  return BARE.exec(text)?.[0] ?? text.charAt(at);
}

/** Past the closing quote. Strings can be megabytes long, which is too deep for a backtracking rule. */
function stringEnd(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  while (quote !== -1) {
    let slashes = 0;
    while (text.charAt(quote - 1 - slashes) === "\\") slashes += 1;
    if (slashes % 2 === 0) return quote + 1;
    quote = text.indexOf('"', quote + 1);
  }
  return text.length;
}

function kindOf(value: string): JsonKind {
  const first = value.charAt(0);
  if (first === '"') return "string";
  if (first === "{" || first === "[" || first === "}" || first === "]") return "bracket";
  return first === "-" || (first >= "0" && first <= "9") ? "number" : "word";
}
