/** What the page's address asks of the connection, checked. Parts of the view are read by their panels. */
import type { StartFrom } from "../generated/decode_wasm.js";
import { writtenOut } from "./hidden.js";

export interface PageParams {
  readonly from: StartFrom;
  readonly digest: boolean;
  /** One sentence for each parameter that was not understood. */
  readonly ignored: readonly string[];
}

/** The page keeps no history over a reload, so by default it asks for all the relay has in memory. */
const FROM_DEFAULT: StartFrom = "earliest";
const FROM_ALL: readonly StartFrom[] = ["earliest", "latest"];
export const FILTER_CHARS_MAX = 200;
export const THREAD_CHARS_MAX = 1024;
const SHOWN_CHARS_MAX = 40;

export function readParams(search: string): PageParams {
  const params = new URLSearchParams(search);
  const ignored: string[] = [];
  return {
    from: readFrom(params.get("from"), ignored),
    digest: readSwitch("digest", params.get("digest"), ignored),
    ignored,
  };
}

/** Host and port of an address. */
export function hostOf(url: string): string {
  return new URL(url).host;
}

/** Another path of the relay at this WebSocket address. */
export function besides(url: string, path: string): string {
  return new URL(path, url.replace(/^ws/u, "http")).href;
}

/** The parameters of a search part. */
export function searchParams(search: string): ReadonlyMap<string, string> {
  return new Map(new URLSearchParams(search));
}

/** A search part with these values put in, or taken out where they are null; others stay as they are. */
export function withParams(
  search: string,
  values: readonly (readonly [string, string | null])[],
): string {
  const params = new URLSearchParams(search);
  for (const [name, value] of values) {
    if (value === null) params.delete(name);
    else params.set(name, value);
  }
  const text = params.toString();
  return text === "" ? "" : `?${text}`;
}

/** A sentence where a value is too long to be used. */
export function tooLong(name: string, value: string | null, charsMax: number): string | null {
  if (value === null || value.length <= charsMax) return null;
  return `${name}= is longer than ${charsMax} characters and is not used.`;
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

/** As much of a text as a sentence can repeat. */
export function shorten(text: string): string {
  const chars = Array.from(writtenOut(text));
  return chars.length > SHOWN_CHARS_MAX
    ? `${chars.slice(0, SHOWN_CHARS_MAX).join("")}\u2026`
    : text;
}
