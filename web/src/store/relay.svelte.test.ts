// @vitest-environment happy-dom
import { flushSync } from "svelte";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readParams } from "../base/url.js";
import { RelayStore } from "./relay.svelte.js";
import { FakeWorker } from "./testing/fake_worker.js";

const FRAME_MS = 16;
let workers: FakeWorker[] = [];
let frames: FrameRequestCallback[] = [];

beforeEach(() => {
  workers = [];
  frames = [];
  vi.useFakeTimers();
  vi.stubGlobal("requestAnimationFrame", (callback: FrameRequestCallback) => frames.push(callback));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function makeStore(search = ""): RelayStore {
  const store = new RelayStore(readParams(search), "ws://relay/ws", () => {
    const worker = new FakeWorker();
    workers.push(worker);
    return worker as unknown as Worker;
  });
  store.run();
  flushSync();
  return store;
}

function worker(): FakeWorker {
  const last = workers.at(-1);
  if (last === undefined) throw new Error("no worker was made");
  return last;
}

/** Lets frames pass, each after its share of the time. */
function pass(count: number, stepMs = FRAME_MS): void {
  for (let frame = 0; frame < count; frame += 1) {
    vi.advanceTimersByTime(stepMs);
    flushSync();
    for (const callback of frames.splice(0)) callback(performance.now());
  }
}

/** A store whose worker has answered once, with the rows 0 to `newest`. */
function running(newest: number): RelayStore {
  const store = makeStore();
  worker().ready();
  pass(1);
  worker().answer(newest);
  return store;
}

describe("queries", () => {
  it("starts the connection once the worker is ready, as the address says", () => {
    makeStore("?from=latest&digest=1");
    pass(3);
    expect(worker().told).toEqual([]);
    worker().ready();
    expect(worker().told).toEqual([
      { type: "start", url: "ws://relay/ws", from: "latest", digest: true },
    ]);
  });
  it("DEC-21 has one query in flight, however many frames pass", () => {
    makeStore();
    worker().ready();
    pass(30);
    expect(worker().queries()).toHaveLength(1);
    worker().answer(5);
    pass(30);
    expect(worker().queries()).toHaveLength(2);
  });
  it("asks seldom while nothing changes, and at once when the reader does something", () => {
    const store = running(5);
    pass(20);
    worker().answer(5);
    const before = worker().queries().length;
    pass(5);
    expect(worker().queries()).toHaveLength(before);
    store.events.setText("plan");
    pass(1);
    expect(worker().lastQuery().filter.text).toBe("plan");
  });
  it("SEQ-10 ignores an answer nobody waits for, so that no place shown goes back", () => {
    const store = running(5);
    const stale = worker().lastQuery().id;
    pass(20);
    worker().answer(3, { id: stale });
    expect(store.view?.newestRow).toBe(5);
    worker().answer(9);
    worker().answer(3, { id: stale });
    expect(store.view?.newestRow).toBe(9);
  });
});

describe("the event list", () => {
  it("UX-14 stands still while paused and counts what is new", () => {
    const store = running(100);
    store.events.togglePause();
    pass(20);
    expect(worker().lastQuery().frozenAt).toBe(100);
    worker().answer(160);
    expect(store.view?.newerRows).toBe(60);
    expect(store.rowAt(0)?.row).toBe(100);
    store.events.togglePause();
    pass(20);
    expect(worker().lastQuery().frozenAt).toBeNull();
  });
  it("UX-14 ends a hold at the top, but not a pause, nor while a record is open", () => {
    const { events } = running(10);
    events.hold();
    events.selected = 3;
    events.release();
    expect(events.mode).toBe("hold");
    events.selected = null;
    events.release();
    expect(events.mode).toBe("follow");
    events.togglePause();
    events.release();
    expect(events.mode).toBe("pause");
  });
  it("follows on while there is no row to stand still at", () => {
    const store = running(-1);
    store.events.togglePause();
    expect(store.events.mode).toBe("follow");
  });
  it("opens a row that is not loaded yet as soon as it is", () => {
    const store = running(500);
    store.openAt(400);
    expect(store.events.selected).toBeNull();
    store.events.range = { first: 390, count: 40 };
    pass(20);
    worker().answer(500);
    expect(store.events.selected).toBe(100);
    expect(worker().told.at(-1)).toMatchObject({ type: "detail", row: 100 });
  });
  it("shows the detail that was asked for last, whatever arrives first", () => {
    const store = running(10);
    store.open(3);
    store.open(4);
    const asked = worker().told.filter((message) => message.type === "detail");
    const detail = {
      type: "detail",
      held: true,
      partition: 0,
      offset: "1",
      lastOffset: "1",
      timestampMs: 0,
      kind: "event",
      code: "",
      frame: "raw",
      payloadBytes: 0,
      decodedBytes: 0,
      json: "{}",
      error: "",
      head: new Uint8Array(),
      headTruncated: false,
    } as const;
    worker().say({ ...detail, id: asked[1]?.id ?? 0, row: 4 });
    worker().say({ ...detail, id: asked[0]?.id ?? 0, row: 3 });
    expect(store.detail?.row).toBe(4);
  });
});

describe("the threads table", () => {
  it("keeps its order under a hand, and shows another stretch when scrolled", () => {
    const store = running(10);
    expect(store.threads.rowAt(0)?.records).toBe(11);
    store.threads.held = true;
    pass(20);
    worker().answer(50);
    expect(store.threads.rowAt(0)?.records).toBe(11);
    store.threads.range = { first: 1, count: 40 };
    pass(20);
    worker().answer(60);
    expect(store.threads.rowAt(1)?.records).toBe(61);
    store.threads.held = false;
    pass(20);
    worker().answer(70);
    expect(store.threads.rowAt(1)?.records).toBe(71);
  });
});

describe("a worker that fails", () => {
  it("BND-17 is ended and replaced, and its rows are forgotten", () => {
    const store = running(10);
    store.open(4);
    worker().trap("unreachable executed");
    expect(workers.map((made) => made.ended)).toEqual([true, false]);
    expect(store.failure).toMatchObject({ recovered: true, text: "unreachable executed" });
    expect(store.events.selected).toBeNull();
    expect(store.events.frozenAt).toBeNull();
    worker().ready();
    pass(1);
    expect(worker().told.map((message) => message.type)).toEqual(["start", "query"]);
  });
  it("is not replaced for ever: then a person decides", () => {
    const store = makeStore();
    for (let failure = 0; failure < 4; failure += 1)
      worker().say({ type: "failed", message: "no module" });
    expect(workers).toHaveLength(4);
    expect(store.failure).toMatchObject({ recovered: false });
    pass(200);
    expect(workers).toHaveLength(4);
    store.restart();
    expect(workers).toHaveLength(5);
    expect(store.failure).toBeNull();
  });
  it("DEC-20 is replaced when it leaves a query open", () => {
    running(10);
    pass(3);
    pass(1300);
    expect(workers).toHaveLength(2);
  });
  it("is not accused by a machine that slept", () => {
    running(10);
    pass(3);
    pass(5, 3_600_000);
    expect(workers).toHaveLength(1);
  });
});

describe("what follows outside of the page", () => {
  it("wakes the worker when the browser is online again", () => {
    running(10);
    dispatchEvent(new Event("online"));
    expect(worker().told.at(-1)).toEqual({ type: "wake" });
  });
  it("UX-18 keeps filter and thread in the address", () => {
    const store = running(10);
    store.events.setText("plan");
    store.events.setThread("run 1");
    pass(40);
    expect(location.search).toBe("?filter=plan&thread=run+1");
    store.events.clearFilter();
    pass(40);
    expect(location.search).toBe("");
  });
  it("UX-12 starts over only where it was told to", () => {
    const store = running(10);
    store.reset("latest");
    expect(worker().told.at(-1)).toEqual({ type: "reset", from: "latest" });
    worker().trap("gone");
    worker().ready();
    expect(worker().told[0]).toMatchObject({ type: "start", from: "latest" });
  });
});

describe("a relay that lets nobody in", () => {
  const asked: string[] = [];
  const answers = (status: number, body: string, code?: string): void => {
    asked.length = 0;
    const headers: HeadersInit = code === undefined ? {} : { [__REFUSAL_HEADER__]: code };
    vi.stubGlobal("fetch", (url: string) => {
      asked.push(url);
      return Promise.resolve(new Response(body, { status, headers }));
    });
  };
  const ended = async (store: RelayStore, epoch: number, code = 1006): Promise<void> => {
    const connection = store.view?.connection;
    if (connection === undefined) throw new Error("no view");
    pass(20);
    const lastClose = { code, reason: "" };
    worker().answer(5, { connection: { ...connection, phase: "waiting", epoch, lastClose } });
    await vi.advanceTimersByTimeAsync(0);
  };
  /** Where it was let in before, a relay that restarts is likelier than one that refuses. */
  const endedAtFirst = async (store: RelayStore): Promise<void> => {
    for (const epoch of [-5, -4, -3, -2, -1]) await ended(store, epoch);
    expect(asked).toEqual([]);
  };
  it("is asked why, once a connection", async () => {
    const store = running(5);
    answers(429, "Too many connections from this address.\n", "per_ip");
    await endedAtFirst(store);
    await ended(store, 2);
    await ended(store, 2);
    expect(asked).toEqual(["http://relay/ws"]);
    expect(store.refusal).toBe("Too many connections from this address.");
    pass(20);
    worker().answer(5);
    expect(store.refusal).toBe("");
  });
  it("is believed only where it refuses in its own words", async () => {
    const store = running(5);
    answers(426, "This is a WebSocket endpoint.");
    await endedAtFirst(store);
    await ended(store, 2);
    expect(asked).toHaveLength(1);
    expect(store.refusal).toBe("");
    answers(503, "<html>Bad gateway</html>");
    await ended(store, 3);
    expect(store.refusal).toBe("");
    answers(429, "Too many connections.", "total");
    await ended(store, 4, 1001);
    expect(asked).toEqual([]);
  });
});
