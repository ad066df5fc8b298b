// The decoders that are measured in a JavaScript engine; the same code in Node and in a browser's worker.

/** Byte strings, each behind its length (u32, little endian). */
export function undelimited(joined) {
  const view = new DataView(joined.buffer, joined.byteOffset, joined.byteLength);
  const parts = [];
  for (let at = 0; at < joined.length;) {
    const length = view.getUint32(at, true);
    parts.push(joined.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return parts;
}

/**
 * What a page without this project's module does: fzstd, then protobufjs, a tree of objects for each payload.
 * Its input are payloads, `NAME.bin`.
 */
export function javaScript(protobuf, decompress, schema) {
  const type = protobuf.parse(schema).root.lookupType("dashstream.v1.DashStreamMessage");
  const decode = (payload) => {
    const body = payload.subarray(1);
    return type.decode(payload[0] === 1 ? decompress(body) : body);
  };
  return {
    input: "bin",
    pass(payloads) {
      let kept = 0;
      for (const payload of payloads) kept += decode(payload).message.length;
      return kept;
    },
    /** What was read, in a form that every decoder can be asked for. */
    facts(payloads) {
      const facts = new Facts();
      for (const payload of payloads) {
        const message = decode(payload);
        const member = message[message.message];
        for (const one of member.events ?? [member]) {
          const { sequence, threadId } = one.header;
          facts.row(BigInt(sequence.toString()), one.eventType ?? 0, threadId);
        }
      }
      return facts.values();
    },
  };
}

/** The module's way from a message of frames to columns, every column fetched. Its input
 * are messages, `NAME.messages`. */
export function columns(module) {
  const decoder = new module.MessageDecoder(false);
  const fetch = () => [
    decoder.kind,
    decoder.eventType,
    decoder.partition,
    decoder.offset,
    decoder.timestampMs,
    decoder.sequence,
    decoder.thread,
    decoder.node,
    decoder.code,
    decoder.freshNames(),
  ];
  return {
    input: "messages",
    pass(messages) {
      let kept = 0;
      for (const message of messages) {
        decoder.decode(message);
        kept += fetch().length;
      }
      return kept;
    },
    facts(messages) {
      const facts = new Facts();
      const fresh = new module.MessageDecoder(false);
      const names = [""];
      for (const message of messages) {
        fresh.decode(message);
        names.push(...fresh.freshNames());
        const { kind, sequence, eventType, thread } = fresh;
        for (let row = 0; row < kind.length; row++) {
          facts.row(sequence[row], eventType[row], names[thread[row]]);
        }
      }
      fresh.free();
      return facts.values();
    },
  };
}

/** Sums over rows; equal for all decoders of the same input. */
class Facts {
  rows = 0;
  sequences = 0n;
  eventTypes = 0;
  threadBytes = 0;

  row(sequence, eventType, thread) {
    this.rows += 1;
    this.sequences += sequence;
    this.eventTypes += eventType;
    this.threadBytes += thread.length;
  }

  values() {
    return [this.rows, Number(this.sequences), this.eventTypes, this.threadBytes];
  }
}

/** Whole passes over the input until the time is over; how many. */
export function passes(contender, input, seconds) {
  const end = performance.now() + seconds * 1000;
  let count = 0;
  do {
    contender.pass(input);
    count += 1;
  } while (performance.now() < end);
  return count;
}
