// What the browser module says of one Kafka value. Runs in Node and in a browser's worker alike.

/**
 * The verdict and text of both ways into the module, which must agree.
 * @param {{ canonicalJson: Function, MessageDecoder: Function }} module the generated bindings
 */
export function judgeOf(module) {
  const decoders = [new module.MessageDecoder(false), new module.MessageDecoder(true)];
  return (payload, compatible) => {
    const answer = { verdict: "ok", text: "", rows: 0, kind: 0, code: 0 };
    try {
      answer.text = module.canonicalJson(payload, compatible);
    } catch (error) {
      if (!(error instanceof Error) || error instanceof WebAssembly.RuntimeError) throw error;
      answer.verdict = error.message.split(":")[0];
    }
    const decoder = decoders[compatible ? 1 : 0];
    try {
      answer.rows = decoder.decode(framed(payload));
      answer.kind = decoder.kind[0];
      answer.code = decoder.code[0];
    } catch (error) {
      if (!(error instanceof Error) || error instanceof WebAssembly.RuntimeError) throw error;
      // No relay sends such a frame: the value is longer than any frame may carry.
      answer.rows = -1;
    }
    return answer;
  };
}

/** A record frame as docs/protocol.md lays it out, written here a second time on purpose. */
function framed(payload) {
  const frame = new Uint8Array(40 + payload.length);
  const view = new DataView(frame.buffer);
  view.setUint8(0, 1);
  view.setBigUint64(8, 7n, true);
  view.setBigUint64(16, 7n, true);
  view.setBigInt64(24, 1_700_000_000_000n, true);
  view.setUint32(32, payload.length, true);
  frame.set(payload, 40);
  return frame;
}

/** Byte strings one after the other, each behind its length (u32, little endian). */
export function delimited(parts) {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + 4 + part.length, 0));
  const view = new DataView(joined.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.length, true);
    joined.set(part, at + 4);
    at += 4 + part.length;
  }
  return joined;
}

/** The byte strings of {@link delimited}. */
export function* undelimited(joined) {
  const view = new DataView(joined.buffer, joined.byteOffset, joined.byteLength);
  for (let at = 0; at < joined.length;) {
    const length = view.getUint32(at, true);
    yield joined.subarray(at + 4, at + 4 + length);
    at += 4 + length;
  }
}
