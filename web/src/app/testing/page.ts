/** A whole page over a fake worker, with time and frames in the hands of a test. */
import { flushSync } from "svelte";
import { afterEach, beforeEach, vi } from "vitest";
import { readParams } from "../../base/url.js";
import { makePanels } from "../../panels.js";
import type { PanelPart } from "../../store/panel.js";
import { RelayStore } from "../../store/relay.svelte.js";
import { FakeWorker } from "../../store/testing/fake_worker.js";
import { startEffects } from "../effects.svelte.js";

const FRAME_MS = 16;
/** The workers made so far. */
export let workers: FakeWorker[] = [];
let frames: FrameRequestCallback[] = [];
let stop: (() => void)[] = [];
let sleptMs = 0;

/** Puts time and frames into the hands of the tests of a file. */
export function takeOver(): void {
  beforeEach(begin);
  afterEach(end);
}

function begin(): void {
  workers = [];
  frames = [];
  stop = [];
  history.replaceState(null, "", "/");
  sleptMs = 0;
  vi.useFakeTimers();
  const awakeMs = performance.now.bind(performance);
  vi.spyOn(performance, "now").mockImplementation(() => awakeMs() + sleptMs);
  vi.stubGlobal("requestAnimationFrame", (callback: FrameRequestCallback) => frames.push(callback));
}

function end(): void {
  for (const one of stop) one();
  vi.restoreAllMocks();
  vi.useRealTimers();
  vi.unstubAllGlobals();
}

/** What the tests use of the panels' states. */
interface Events {
  mode: string;
  newerRows: number;
  newestRow: number;
  total: number;
  range: { first: number; count: number };
  rowAt(index: number): { row: number } | null;
  openAt(index: number): void;
  togglePause(): void;
  hold(): void;
  scrolled(atTop: boolean): void;
}
interface Threads {
  range: { first: number; count: number };
  rowAt(index: number): { records: number } | null;
  hold(held: boolean): void;
}
export interface Page {
  store: RelayStore;
  panels: readonly PanelPart[];
  events: Events;
  threads: Threads;
}

export function makePage(search = ""): Page {
  history.replaceState(null, "", `/${search}`);
  const store = new RelayStore(readParams(search), "ws://relay/ws", () => {
    const made = new FakeWorker();
    workers.push(made);
    return made as unknown as Worker;
  });
  const panels = makePanels(store);
  stop.push(startEffects(store));
  store.run();
  flushSync();
  const stateOf = (name: string): unknown => panels.find((panel) => panel.name === name)?.state;
  return {
    store,
    panels,
    events: stateOf("events") as Events,
    threads: stateOf("threads") as Threads,
  };
}

export function worker(): FakeWorker {
  const last = workers.at(-1);
  if (last === undefined) throw new Error("no worker was made");
  return last;
}

/** Lets frames pass, each after its share of the time. */
export function pass(count: number, stepMs = FRAME_MS): void {
  for (let frame = 0; frame < count; frame += 1) {
    vi.advanceTimersByTime(stepMs);
    flushSync();
    for (const callback of frames.splice(0)) callback(performance.now());
  }
}

/** The machine sleeps: time passes, and nothing happens in it. */
export function sleep(ms: number): void {
  sleptMs += ms;
  pass(1);
}

/** Lets the worker answer until every panel has asked. */
export function answered(newest: number): void {
  for (let turn = 0; turn < 3; turn += 1) {
    pass(15);
    worker().answer(newest);
  }
}

/** The events of a page whose worker has answered once, with the rows 0 to `newest`. */
export function running(newest: number): Page {
  const page = makePage("?view=events");
  worker().ready();
  pass(1);
  worker().answer(newest);
  return page;
}
