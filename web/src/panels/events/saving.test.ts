import { expect, it } from "vitest";
import type { EventsQuery, SavedCounts } from "../../generated/decode_wasm.js";
import { fileName, leftOutText, metadataOf } from "./saving.js";

const ALL: EventsQuery = {
  first: 0,
  count: 1,
  frozenAt: null,
  oldestFirst: false,
  byArrival: false,
  text: "",
  thread: null,
  node: null,
  kinds: [],
  troubleOnly: false,
  run: null,
  attempt: null,
  seekPlace: null,
  seekTimeMs: null,
};
const COUNTS: SavedCounts = { over: true, rows: 10, frames: 9, lost: 0, evicted: 0 };

it("says nothing was left out only where all of the stream is in the file", () => {
  expect(leftOutText(ALL, COUNTS)).toBe("");
  expect(leftOutText({ ...ALL, thread: "t", kinds: ["error"], text: "x" }, COUNTS)).toBe(
    "Only records of this filter were saved: thread t; type error; text x.",
  );
  expect(leftOutText({ ...ALL, troubleOnly: true }, COUNTS)).toContain("problems only");
});

it("says that a run is saved with its thread", () => {
  const text = leftOutText({ ...ALL, run: "0:4:0", attempt: 1 }, COUNTS);
  expect(text).toContain("Only the thread of run 0:4:0, attempt 2 was saved, all of it");
});

it("counts what memory no longer held", () => {
  const text = leftOutText(ALL, { ...COUNTS, lost: 3, evicted: 1200 });
  expect(text).toBe(
    "3 rows of them left out: their bytes were no longer in memory. " +
      "1,200 older rows were no longer in memory.",
  );
});

it("keeps what the stream is known by, and what an earlier capture left out", () => {
  const source = { topic: "t", mode: "compatible", leftOut: "Before: half.", startedAt: "then" };
  const about = { version: "1.2.3", source, nowMs: 0 };
  const said: unknown = JSON.parse(metadataOf({ ...ALL, node: "n" }, COUNTS, about));
  expect(said).toEqual({
    topic: "t",
    mode: "compatible",
    startedAt: "then",
    writer: "dashstream page 1.2.3",
    savedAt: "1970-01-01T00:00:00.000Z",
    filter: "node n",
    rows: 10,
    records: 9,
    leftOut: "Before: half. Only records of this filter were saved: node n.",
  });
});

it("names the file by topic and time", () => {
  expect(fileName("runs", Date.UTC(2026, 0, 31, 14, 5, 7))).toBe("runs-20260131-140507.dscap");
  expect(fileName("", 0)).toBe("events-19700101-000000.dscap");
});
