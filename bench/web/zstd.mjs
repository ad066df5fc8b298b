// One zstd decoder as WebAssembly: MB of content per CPU second for each corpus.
//
//     node bench/web/zstd.mjs MODULE_DIR CORPUS_DIR
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { undelimited } from "./contenders.mjs";

const [dir, corpora] = process.argv.slice(2);
const module = await import(pathToFileURL(join(dir, "module.js")).href);
module.initSync({ module: readFileSync(join(dir, "module_bg.wasm")) });
const decoder = new module.Chosen();
const ROUNDS = 6;

for (const corpus of ["small", "batch", "checkpoint"]) {
  const bodies = undelimited(new Uint8Array(readFileSync(join(corpora, `${corpus}.zst`))));
  let best = 0;
  // The machine only ever makes it slower, and the first round compiles.
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    const end = performance.now() + 400;
    let bytes = 0;
    while (performance.now() < end) {
      for (const body of bodies) {
        const length = decoder.decompress(body);
        if (length < 0) throw new Error(`${corpus}: a valid frame is refused`);
        bytes += length;
      }
    }
    const { user, system } = process.cpuUsage(before);
    best = Math.max(best, bytes / (user + system));
  }
  console.log(best.toFixed(1));
}
