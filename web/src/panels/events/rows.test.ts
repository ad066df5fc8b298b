import { describe, expect, it } from "vitest";
import type { EventColumns, Names } from "../../generated/decode_wasm.js";
import { kindLabel } from "../../base/words.js";
import { eventRow, troubleText } from "./rows.js";

const NAMES: Names = {
  rowKinds: ["event", "state_diff", "error", "gap", "reject"],
  eventTypes: { 11: "NODE_END", 12: "NODE_ERROR" },
  rejectCodes: { 3: "bad_frame" },
  gapCauses: { 1: "retention" },
  schemaVersion: 1,
};
const STRINGS = ["", "run-1", "plan", "two operations"];

interface One {
  kind: number;
  eventType?: number;
  code?: number;
  offset?: bigint;
  lastOffset?: bigint;
  summary?: number;
  failure?: number;
}

function columns(one: One): EventColumns {
  const offset = one.offset ?? 7n;
  const made = {
    row: Float64Array.of(41),
    kind: Uint8Array.of(one.kind),
    eventType: Int32Array.of(one.eventType ?? 0),
    partition: Uint32Array.of(2),
    offset: BigUint64Array.of(offset),
    index: Uint32Array.of(0),
    lastOffset: BigUint64Array.of(one.lastOffset ?? offset),
    timestampMs: Float64Array.of(1_763_790_000_000),
    sequence: BigUint64Array.of(18446744073709551615n),
    thread: Uint32Array.of(1),
    node: Uint32Array.of(2),
    code: Uint32Array.of(one.code ?? 0),
    summary: Uint32Array.of(one.summary ?? 0),
    bytes: Uint32Array.of(99),
    newerSchema: Uint8Array.of(0),
    failure: Uint8Array.of(one.failure ?? 0),
    repeat: Uint8Array.of(0),
  };
  return made;
}

function row(one: One) {
  const found = eventRow(columns(one), STRINGS, NAMES, 0);
  if (found === null) throw new Error("the columns hold one row");
  return found;
}

describe("eventRow", () => {
  it("UX-09 names events by the core's names", () => {
    expect(row({ kind: 0, eventType: 11 })).toMatchObject({
      label: "NODE_END",
      tone: "plain",
      thread: "run-1",
      node: "plan",
      sequence: 18446744073709551615n,
    });
    expect(row({ kind: 1 }).label).toBe("state diff");
  });
  it("VER-03 X36 shows numbers without a name as unknown", () => {
    expect(row({ kind: 0, eventType: 999 }).label).toBe("unknown(999)");
    expect(row({ kind: 77 }).label).toBe("unknown(77)");
    expect(row({ kind: 0, eventType: -7 }).label).toBe("unknown(-7)");
    expect(row({ kind: 0, eventType: 70_000 }).label).toBe("unknown(70000)");
    expect(row({ kind: 3, code: 50 }).cause).toBe("unknown(50)");
  });
  it("sets off errors, rejects and gaps with their cause", () => {
    expect(row({ kind: 2, failure: 1 }).tone).toBe("error");
    expect(row({ kind: 0, eventType: 12, failure: 1 }).tone).toBe("error");
    expect(row({ kind: 0, eventType: 11 }).tone).toBe("plain");
    expect(row({ kind: 3, code: 1 })).toMatchObject({ tone: "gap", cause: "retention" });
    expect(row({ kind: 4, code: 3 })).toMatchObject({ tone: "reject", cause: "bad frame" });
  });
  it("RES-20 says which offsets a gap holds", () => {
    expect(troubleText(row({ kind: 3, code: 1, offset: 5n, lastOffset: 5n }))).toBe("offset 5");
    expect(troubleText(row({ kind: 3, code: 1, offset: 5n, lastOffset: 1004n }))).toBe(
      "offsets 5 to 1004 (1,000)",
    );
    expect(troubleText(row({ kind: 4, code: 3, summary: 3 }))).toBe("two operations");
  });
  it("has no row where the columns do not reach", () => {
    expect(eventRow(columns({ kind: 0 }), STRINGS, NAMES, 1)).toBeNull();
    expect(eventRow(columns({ kind: 0 }), STRINGS, NAMES, -1)).toBeNull();
  });
  it("names kinds for people", () => {
    expect(kindLabel("tool_execution")).toBe("tool execution");
  });
});
