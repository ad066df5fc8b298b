// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { mounted } from "../../ui/testing/in_relay.js";
import EventLine from "./EventLine.svelte";
import type { EventRow } from "./rows.js";

const EVENT: EventRow = {
  row: 4,
  kind: "event",
  label: "NODE_END",
  type: "NODE_END",
  tone: "plain",
  cause: "",
  partition: 0,
  offset: 7n,
  index: 0,
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

it("SEQ-01 PRO-10 marks a record that came before", () => {
  const marks = (event: EventRow): [string, boolean] => {
    const zone = { row: () => "12:00:00.000" };
    const props = { index: 0, tabindex: 0, event, chosen: false, zone };
    const page = mounted(EventLine, {}, props);
    const found: [string, boolean] = [page.text(".summary"), page.find("[data-repeat]") !== null];
    page.end();
    return found;
  };
  expect(marks(EVENT)).toEqual(["done", false]);
  expect(marks({ ...EVENT, repeat: true })).toEqual(["duplicatedone", true]);
});
