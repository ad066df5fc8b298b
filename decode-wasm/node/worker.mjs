// Judges batches of payloads inside a browser's worker. The page only starts it.
import init, * as module from "/generated/decode_wasm.js";
import { delimited, judgeOf, undelimited } from "./judge.mjs";

const encoder = new TextEncoder();

async function run() {
  await init();
  const judge = judgeOf(module);
  for (let batch = 0; ; batch++) {
    const response = await fetch(`/batch/${batch}`);
    if (response.status === 204) return batch;
    const cases = new Uint8Array(await response.arrayBuffer());
    const answers = [];
    for (const one of undelimited(cases)) {
      // The first byte is the mode.
      answers.push(encoder.encode(JSON.stringify(judge(one.subarray(1), one[0] === 1))));
    }
    await fetch(`/answers/${batch}`, { method: "POST", body: delimited(answers) });
  }
}

try {
  self.postMessage({ batches: await run() });
} catch (error) {
  self.postMessage({ failed: String(error) });
}
