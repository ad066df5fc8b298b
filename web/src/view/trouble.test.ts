// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import type { EventRow } from "../base/rows.js";
import { NAMES } from "../store/testing/fake_worker.js";
import Banners from "./Banners.svelte";
import EventLine from "./EventLine.svelte";
import { mounted } from "./testing/in_relay.svelte.js";
import Totals from "./Totals.svelte";

const CONNECTION = { phase: "live", epoch: 1, notice: "", problems: [], replayProgress: null };
const TOTALS = {
  records: 9,
  bytes: 900,
  rows: 9,
  rejects: 0,
  gaps: 0,
  gapOffsets: 0,
  newerSchema: 0,
  newerThreads: 0,
  repeats: 0,
  evictedRows: 0,
  threads: 3,
};
const STORE = {
  names: NAMES,
  failure: null,
  params: { ignored: [] },
  refusal: "",
  recordRate: null,
};

function viewOf(totals: Partial<typeof TOTALS>): unknown {
  return { connection: CONNECTION, totals: { ...TOTALS, ...totals } };
}

describe("VER-02 a newer schema", () => {
  const NOTICE = "[data-testid=newer-schema]";

  it("is told while a thread sends it, and no longer when compatible data returned", () => {
    const page = mounted(Banners, { ...STORE, view: viewOf({}) });
    expect(page.find(NOTICE)).toBeNull();
    page.show(viewOf({ newerSchema: 5, newerThreads: 2 }));
    expect(page.text(NOTICE)).toMatch(/^2 threads now of a newer schema\. .*version 1 .*5 rows/);
    page.show(viewOf({ newerSchema: 6, newerThreads: 0 }));
    expect(page.find(NOTICE)).toBeNull();
    page.show(viewOf({ newerSchema: 7, newerThreads: 1 }));
    expect(page.text(NOTICE)).toMatch(/^1 thread now/);
    page.end();
  });

  it("stays in the totals", () => {
    const page = mounted(Totals, { ...STORE, view: viewOf({}) });
    const note = "[data-testid=rows-note]";
    expect(page.text(note)).toBe("none let go");
    page.show(viewOf({ newerSchema: 6, newerThreads: 0 }));
    expect(page.text(note)).toBe("none let go, 6 of a newer schema");
    page.end();
  });
});

describe("SEQ-01 PRO-10 a record that comes again", () => {
  const EVENT: EventRow = {
    row: 4,
    kind: "event",
    label: "NODE_END",
    tone: "plain",
    cause: "",
    partition: 0,
    offset: 7n,
    lastOffset: 7n,
    timestampMs: 0,
    sequence: 3n,
    thread: "run-1",
    node: "n",
    summary: "done",
    bytes: 10,
    newerSchema: false,
    repeat: false,
  };
  const store = { ...STORE, view: viewOf({}), events: { selected: null } };
  const marks = (event: EventRow): [string, boolean] => {
    const page = mounted(EventLine, store, { index: 0, tabindex: 0, event });
    const found: [string, boolean] = [page.text(".summary"), page.find("[data-repeat]") !== null];
    page.end();
    return found;
  };

  it("is a row with a mark", () => {
    expect(marks(EVENT)).toEqual(["done", false]);
    expect(marks({ ...EVENT, repeat: true })).toEqual(["repeatdone", true]);
  });

  it("is counted where there is one", () => {
    const page = mounted(Totals, { ...STORE, view: viewOf({ repeats: 1 }) });
    expect(page.text("[data-testid=rows-note]")).toBe("none let go, 1 repeat");
    page.end();
  });
});
