// The worker of a page without this project's module: reads a capture, decodes with protobufjs and fzstd, keeps plain
// objects, and answers what a screen asks. It verifies no checksums.
import { decompress } from "/npm/fzstd/esm/index.mjs";
import Long from "/npm/long/index.js";
import "/npm/protobufjs/dist/protobuf.js";
import { Model } from "./model.mjs";

const { protobuf } = self;
protobuf.util.Long = Long;
protobuf.configure();
const schema = await (await fetch("/schema/dashstream.proto")).text();
const type = protobuf.parse(schema).root.lookupType("dashstream.v1.DashStreamMessage");
const SLICE_BYTES = 256 * 1024;
const FILE_HEADER_BYTES = 12;
const BLOCK_HEADER_BYTES = 12;
const DATA_BLOCK = 2;
const FRAME_HEADER_BYTES = 40;
/** As long as the module's worker reads on before it looks for messages. */
const TURN_MS = 6;
const model = new Model();
const reader = new FileReaderSync();
const turns = new MessageChannel();
let file = null;
let rest = new Uint8Array();
let at = 0;
let done = false;

function takeFrames(block) {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  for (let from = 0; from < block.length;) {
    const length = view.getUint32(from + 32, true);
    const payload = block.subarray(from + FRAME_HEADER_BYTES, from + FRAME_HEADER_BYTES + length);
    const place = {
      partition: view.getUint32(from + 4, true),
      offset: Number(view.getBigUint64(from + 8, true)),
      timestampMs: Number(view.getBigInt64(from + 24, true)),
    };
    const body = payload.subarray(1);
    model.take(type.decode(payload[0] === 1 ? decompress(body) : body), place, payload);
    from += FRAME_HEADER_BYTES + length;
  }
}

/** Reads a slice on and takes the blocks that are whole. */
function step() {
  const slice = new Uint8Array(reader.readAsArrayBuffer(file.slice(at, at + SLICE_BYTES)));
  at += slice.length;
  const bytes = new Uint8Array(rest.length + slice.length);
  bytes.set(rest);
  bytes.set(slice, rest.length);
  const view = new DataView(bytes.buffer);
  let from = 0;
  while (from + BLOCK_HEADER_BYTES <= bytes.length) {
    const end = from + BLOCK_HEADER_BYTES + view.getUint32(from + 4, true);
    if (end > bytes.length) break;
    if (bytes[from] === DATA_BLOCK) takeFrames(bytes.subarray(from + BLOCK_HEADER_BYTES, end));
    from = end;
  }
  rest = bytes.subarray(from);
  done = at >= file.size;
}

turns.port1.onmessage = () => {
  const end = performance.now() + TURN_MS;
  while (!done && performance.now() < end) step();
  if (!done) turns.port2.postMessage(null);
};

self.onmessage = ({ data }) => {
  if (data.open !== undefined) {
    file = data.open;
    at = FILE_HEADER_BYTES;
    turns.port2.postMessage(null);
  } else if (data.digest) self.postMessage({ digest: model.digest() });
  else self.postMessage({ done, answer: model.answer() });
};
self.postMessage({ ready: true });
