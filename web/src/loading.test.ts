// @vitest-environment happy-dom
import { expect, it } from "vitest";
import type { Component } from "svelte";
import { mounted } from "./ui/testing/in_relay.js";
import EventLine from "./panels/events/EventLine.svelte";
import Quarantine from "./panels/quarantine/Quarantine.svelte";
import MessageLine from "./panels/record/MessageLine.svelte";
import WaterfallLine from "./panels/run/Line.svelte";
import RunLine from "./panels/runs/RunLine.svelte";
import Threads from "./panels/threads/Threads.svelte";

const ROW = { index: 3, tabindex: -1, chosen: false, zone: {}, nowMs: 0 };
const EMPTY_LIST = { total: 2, count: 2, rowAt: () => null, lineAt: () => null, hold: () => null };
const PANEL = { ...EMPTY_LIST, counts: [], store: { selection: {}, zone: {} } };

it.each<[string, Component<never>, Record<string, unknown>]>([
  ["events", EventLine, { ...ROW, event: null }],
  ["runs", RunLine, { ...ROW, run: null, pinned: false, onTop: false }],
  ["message", MessageLine, { ...ROW, line: null, found: false }],
  ["waterfall", WaterfallLine, { ...ROW, line: null, facts: null, startUs: 0 }],
  ["threads", Threads, { panel: PANEL }],
  ["quarantine", Quarantine, { panel: PANEL }],
])("a row of %s that has not come yet has a cell, which says so", (_, view, props) => {
  const page = mounted(view, {}, props);
  const cell = page.find("[role=row][data-index] > [role=gridcell]");
  expect(cell?.querySelector("[role=img]")?.getAttribute("aria-label")).toBe("Loading");
  page.end();
});
