// The worker of Chromium that decodes: one request, one answer.
import { decompress } from "/npm/fzstd/esm/index.mjs";
import Long from "/npm/long/index.js";
import "/npm/protobufjs/dist/protobuf.js";
import init, * as module from "/generated/decode_wasm.js";
import { columns, javaScript, passes, undelimited } from "./contenders.mjs";

const { protobuf } = self;
protobuf.util.Long = Long;
protobuf.configure();
await init({ module_or_path: "/generated/decode_wasm_bg.wasm" });
const schema = await (await fetch("/corpus/dashstream.proto")).text();
const contenders = {
  wasm: columns(module),
  js: javaScript(protobuf, decompress, schema),
};
let loaded = { name: "", parts: [] };

async function input(corpus, kind) {
  const name = `${corpus}.${kind}`;
  if (loaded.name !== name) {
    loaded = { name: "", parts: [] };
    const bytes = new Uint8Array(await (await fetch(`/corpus/${name}`)).arrayBuffer());
    loaded = { name, parts: undelimited(bytes) };
  }
  return loaded.parts;
}

self.onmessage = async ({ data: { contender: name, corpus, seconds } }) => {
  const contender = contenders[name];
  const parts = await input(corpus, contender.input);
  if (seconds === undefined) {
    self.gc();
    self.postMessage({});
  } else if (seconds === 0) self.postMessage({ facts: contender.facts(parts) });
  else self.postMessage({ passes: passes(contender, parts, seconds) });
};
self.postMessage({});
