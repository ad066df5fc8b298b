// What Vite leaves to do: the document names the worker's parts, so that they load beside the page's own,
// and each file is there once more with gzip and with brotli.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

/** Pictures and the like are compressed already. */
const COMPRESSED = new Set([".html", ".js", ".css", ".wasm", ".svg"]);

/** Finishes the page in this folder, once all its files are written. */
export function finish(folder: string): void {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const index = join(folder, "index.html");
  writeFileSync(index, withPreloads(readFileSync(index, "utf8"), names));
  for (const name of names.filter((name) => COMPRESSED.has(extname(name)))) {
    const file = join(folder, name);
    const content = readFileSync(file);
    for (const [suffix, coded] of codings(content)) writeFileSync(file + suffix, coded);
  }
}

/** Those codings of the content that are smaller than it. */
export function codings(content: Uint8Array): Map<string, Uint8Array> {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
  };
  const all = [
    [".br", brotliCompressSync(content, { params })],
    [".gz", gzipSync(content, { level: constants.Z_BEST_COMPRESSION })],
  ] as const;
  return new Map(all.filter(([, coded]) => coded.length < content.length));
}

/**
 * The module is fetched by the document, as main.ts does, so that the link and that fetch are one request.
 * A worker loads its own script, which the link has put into the browser's cache by then.
 */
export function withPreloads(document: string, names: readonly string[]): string {
  const module = only(names, /^assets[/\\]decode_wasm_bg-[^/\\]*\.wasm$/u);
  const worker = only(names, /^assets[/\\]worker-[^/\\]*\.js$/u);
  const links = [
    `<link rel="preload" as="fetch" type="application/wasm" crossorigin href="./${module}" />`,
    `<link rel="modulepreload" crossorigin href="./${worker}" />`,
  ];
  // Before the scripts, the first of which would be waited for.
  const place = document.indexOf("<script");
  if (place < 0) throw new Error("index.html loads no script");
  const added = links.map((link) => `${link}\n    `).join("");
  return document.slice(0, place) + added + document.slice(place);
}

function only(names: readonly string[], pattern: RegExp): string {
  const found = names.filter((name) => pattern.test(name));
  if (found.length !== 1 || found[0] === undefined) {
    throw new Error(`${String(pattern)} matches ${found.length} files of the page, not one`);
  }
  return found[0].replaceAll("\\", "/");
}
