// What the browser has to fetch before it can show anything.
//
//     node --test decode-wasm/node/size.test.mjs
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { GENERATED, Missing, skippable } from "./cases.mjs";

// docs/performance.md says what takes the room.
const GZIP_BYTES_MAX = 250_000;

function moduleBytes() {
  try {
    return readFileSync(join(GENERATED, "decode_wasm_bg.wasm"));
  } catch {
    throw new Missing("the browser module is not built");
  }
}

test(
  "the module takes at most 250 KB, compressed",
  skippable((t) => {
    const bytes = gzipSync(moduleBytes(), { level: 9 }).length;
    t.diagnostic(`${bytes} bytes`);
    assert.ok(bytes <= GZIP_BYTES_MAX, `${bytes} bytes, at most ${GZIP_BYTES_MAX}`);
  }),
);
