// Measures in Node what it is told to, a line of JSON in, a line of JSON out.
//
//     node --expose-gc bench/web/node.mjs CORPUS_DIR GENERATED_DIR
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { columns, javaScript, passes, undelimited } from "./contenders.mjs";

const [corpora, generated] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const module = await import(pathToFileURL(join(generated, "decode_wasm.js")).href);
module.initSync({ module: readFileSync(join(generated, "decode_wasm_bg.wasm")) });
const schema = readFileSync(join(corpora, "dashstream.proto"), "utf8");
const contenders = {
  wasm: columns(module),
  js: javaScript(require("protobufjs"), require("fzstd").decompress, schema),
};
let loaded = { name: "", parts: [] };

function input(corpus, kind) {
  const name = `${corpus}.${kind}`;
  if (loaded.name !== name) {
    // A plain Uint8Array, as a WebSocket delivers; Node's own Buffer takes other ways in some libraries.
    const bytes = new Uint8Array(readFileSync(join(corpora, name)));
    loaded = { name, parts: undelimited(bytes) };
  }
  return loaded.parts;
}

function answer({ contender: name, corpus, seconds }) {
  const contender = contenders[name];
  const parts = input(corpus, contender.input);
  if (seconds === 0) return { facts: contender.facts(parts) };
  global.gc();
  const before = process.cpuUsage();
  const count = passes(contender, parts, seconds);
  const { user, system } = process.cpuUsage(before);
  return { passes: count, cpu_seconds: (user + system) / 1e6 };
}

console.log(JSON.stringify({ engine: `Node ${process.version}, V8 ${process.versions.v8}` }));
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(answer(JSON.parse(line))));
}
