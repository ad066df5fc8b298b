import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { codings, withPreloads } from "./finish.ts";

const NAMES = [
  "index.html",
  "assets/decode_wasm_bg-a1.wasm",
  "assets/index-b2.js",
  "assets/worker-c3.js",
];

test("a file is the same in every coding, and none is made that is not smaller", () => {
  const content = new TextEncoder().encode("the page and the relay ".repeat(100));
  const coded = codings(content);
  expect([...coded.keys()]).toEqual([".br", ".gz"]);
  for (const bytes of coded.values()) expect(bytes.length).toBeLessThan(content.length / 10);
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  const brotli = brotliDecompressSync(coded.get(".br") ?? content);
  const gzip = gunzipSync(coded.get(".gz") ?? content);
  expect([text(brotli), text(gzip)]).toEqual([text(content), text(content)]);
  expect([...codings(new Uint8Array([1, 2, 3])).keys()]).toEqual([]);
});

test("the document asks for the module and the worker before its scripts", () => {
  const document = withPreloads('<head><script src="/boot.js"></script></head>', NAMES);
  const [before = "", after = ""] = document.split("<script");
  expect(after).toBe(' src="/boot.js"></script></head>');
  expect(before).toContain('as="fetch" type="application/wasm" crossorigin');
  expect(before).toContain('href="./assets/decode_wasm_bg-a1.wasm"');
  expect(before).toContain('rel="modulepreload" crossorigin href="./assets/worker-c3.js"');
});

test("a build without its module, or with two, is none", () => {
  const document = "<script></script>";
  expect(() => withPreloads(document, ["assets/worker-c3.js"])).toThrow("0 files");
  expect(() => withPreloads(document, [...NAMES, "assets/worker-d4.js"])).toThrow("2 files");
});
