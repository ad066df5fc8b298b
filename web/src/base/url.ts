/** The page's address: what it asks for, checked, and what of the view is written back to it. */
import type { StartFrom } from "../generated/decode_wasm.js";

export interface PageParams {
  readonly from: StartFrom;
  readonly digest: boolean;
  readonly filter: string;
  readonly thread: string | null;
  /** One sentence for each parameter that was not understood. */
  readonly ignored: readonly string[];
}

/** The page keeps no history over a reload, so by default it asks for all the relay has in memory. */
const FROM_DEFAULT: StartFrom = "earliest";
const FROM_ALL: readonly StartFrom[] = ["earliest", "latest", "cursor"];
export const FILTER_CHARS_MAX = 200;
const THREAD_CHARS_MAX = 1024;
const SHOWN_CHARS_MAX = 40;

export function readParams(search: string): PageParams {
  const params = new URLSearchParams(search);
  const ignored: string[] = [];
  return {
    from: readFrom(params.get("from"), ignored),
    digest: readSwitch("digest", params.get("digest"), ignored),
    filter: readText("filter", params.get("filter"), FILTER_CHARS_MAX, ignored) ?? "",
    thread: readText("thread", params.get("thread"), THREAD_CHARS_MAX, ignored),
    ignored,
  };
}

/** The search part with the view's filter and thread put in; other parameters stay as they are. */
export function writeParams(search: string, filter: string, thread: string | null): string {
  const params = new URLSearchParams(search);
  if (filter === "") params.delete("filter");
  else params.set("filter", filter);
  if (thread === null) params.delete("thread");
  else params.set("thread", thread);
  const text = params.toString();
  return text === "" ? "" : `?${text}`;
}

/** The relay's WebSocket address beside a page at `href`; `path` comes from the wire authority. */
export function relayUrl(href: string, path: string): string {
  const url = new URL(path.replace(/^\/+/, ""), href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = "";
  url.hash = "";
  return url.href;
}

function readFrom(value: string | null, ignored: string[]): StartFrom {
  if (value === null) return FROM_DEFAULT;
  const known = FROM_ALL.find((from) => from === value);
  if (known === undefined) {
    ignored.push(
      `from=${shorten(value)} is not one of ${FROM_ALL.join(", ")}; ${FROM_DEFAULT} is used.`,
    );
  }
  return known ?? FROM_DEFAULT;
}

function readSwitch(name: string, value: string | null, ignored: string[]): boolean {
  if (value === null || value === "0") return false;
  if (value === "1") return true;
  ignored.push(`${name}=${shorten(value)} is neither 0 nor 1; 0 is used.`);
  return false;
}

function readText(
  name: string,
  value: string | null,
  charsMax: number,
  ignored: string[],
): string | null {
  if (value === null || value === "") return null;
  if (value.length <= charsMax) return value;
  ignored.push(`${name}= is longer than ${charsMax} characters and is not used.`);
  return null;
}

function shorten(text: string): string {
  const chars = Array.from(text);
  return chars.length > SHOWN_CHARS_MAX
    ? `${chars.slice(0, SHOWN_CHARS_MAX).join("")}\u2026`
    : text;
}
