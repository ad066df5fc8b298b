// The browser module under Node: every vector gets its verdict and its text, and on everything else
// the module says what the native decoder says, to the byte.
//
//     node --test decode-wasm/node/wasm.test.mjs
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import {
  GENERATED,
  Missing,
  captureCases,
  damagedCases,
  differences,
  skippable,
  vectorCases,
} from "./cases.mjs";
import { judgeOf } from "./judge.mjs";

let judge;

async function load() {
  const bindings = join(GENERATED, "decode_wasm.js");
  if (!existsSync(bindings)) throw new Missing("the browser module is not built");
  const module = await import(pathToFileURL(bindings));
  module.initSync({ module: readFileSync(join(GENERATED, "decode_wasm_bg.wasm")) });
  return judgeOf(module);
}

async function compare(t, cases) {
  judge ??= await load();
  const answers = cases.map(({ payload, compatible }) => judge(payload, compatible));
  assert.deepEqual(differences(cases, answers), []);
  const accepted = cases.filter(({ verdict }) => verdict === "ok").length;
  t.diagnostic(`${cases.length} cases, ${accepted} accepted`);
}

// DEC-01, DEC-02, DEC-03, DEC-04, DEC-06, DEC-07, DEC-09
test(
  "every vector gets its verdict and text",
  skippable((t) => compare(t, vectorCases())),
);

// DEC-07, DEC-09
test(
  "every captured record has the native text",
  skippable(async (t) => compare(t, await captureCases())),
);

// DEC-07, DEC-11
test(
  "damaged payloads get the native verdict and text",
  skippable(async (t) => compare(t, await damagedCases())),
);
