// @vitest-environment happy-dom
import { describe, expect, it, vi } from "vitest";
import { CONNECTION } from "../base/testing/connection.js";
import {
  answered,
  makePage,
  pass,
  running,
  sleep,
  takeOver,
  worker,
  workers,
} from "./testing/page.js";

takeOver();

describe("queries", () => {
  it("starts the connection once the worker is ready, as the address says", () => {
    makePage("?from=latest&digest=1");
    pass(3);
    expect(worker().told).toEqual([]);
    worker().ready();
    expect(worker().told).toEqual([
      { type: "start", url: "ws://relay/ws", from: "latest", digest: true },
    ]);
  });
  it("DEC-21 has one query in flight, however many frames pass", () => {
    makePage();
    worker().ready();
    pass(30);
    expect(worker().queries()).toHaveLength(1);
    worker().answer(5);
    pass(30);
    expect(worker().queries()).toHaveLength(2);
  });
  it("asks seldom while nothing changes, and at once when the reader does something", () => {
    const { store } = running(5);
    const queriesOfASecond = (newestOf: (frame: number) => number): number => {
      const before = worker().queries().length;
      for (let frame = 0; frame < 63; frame += 1) {
        const asked = worker().queries().length;
        pass(1);
        if (worker().queries().length > asked) worker().answer(newestOf(frame));
      }
      return worker().queries().length - before;
    };
    expect(queriesOfASecond((frame) => 6 + frame)).toBeGreaterThan(18);
    expect(queriesOfASecond(() => 100)).toBeLessThan(16);
    store.selection.setText("plan");
    pass(1);
    expect(worker().asked("events").text).toBe("plan");
  });
  it("says which answer it has, and asks only for what is on the screen", () => {
    const { events } = running(5);
    pass(20);
    expect(worker().asked("events").known).toBeGreaterThan(0);
    expect(worker().lastQuery().panels.record).toBeUndefined();
    worker().answer(5);
    expect(events.newestRow).toBe(5);
    events.openAt(0);
    pass(1);
    expect(worker().asked("record")).toMatchObject({ row: 5, known: 0 });
    answered(5);
    answered(5);
    expect(worker().asked("record")).toMatchObject({ row: 5, known: 1 });
  });
  it("SEQ-10 ignores an answer nobody waits for, so that no place shown goes back", () => {
    const { events } = running(5);
    const stale = worker().lastQuery().id;
    pass(20);
    worker().answer(3, stale);
    expect(events.newestRow).toBe(5);
    worker().answer(9);
    worker().answer(3, stale);
    expect(events.newestRow).toBe(9);
  });
});

describe("the event list", () => {
  it("UX-14 stands still while paused and counts what is new", () => {
    const { events } = running(100);
    events.togglePause();
    pass(20);
    expect(worker().asked("events").frozenAt).toBe(100);
    worker().answer(160);
    expect(events.newerRows).toBe(60);
    expect(events.rowAt(0)?.row).toBe(100);
    events.togglePause();
    pass(20);
    expect(worker().asked("events").frozenAt).toBeNull();
  });
  it("UX-14 ends a hold at the top, but not a pause, nor while a record is open", () => {
    const { events, store } = running(10);
    events.openAt(3);
    events.scrolled(true);
    expect(events.mode).toBe("hold");
    store.selection.close();
    expect(events.mode).toBe("follow");
    events.togglePause();
    events.scrolled(true);
    expect(events.mode).toBe("pause");
  });
  it("D11 follows again after Escape where the reader is at the top, not where they scrolled away", () => {
    const { events, panels } = running(10);
    const escape = (): boolean => panels.some((panel) => panel.escape());
    events.openAt(0);
    expect(events.mode).toBe("hold");
    expect(escape()).toBe(true);
    expect(events.mode).toBe("follow");
    events.scrolled(false);
    events.openAt(0);
    escape();
    expect(events.mode).toBe("hold");
    expect(escape()).toBe(false);
  });
  it("follows on while there is no row to stand still at", () => {
    const { events } = running(-1);
    events.togglePause();
    expect(events.mode).toBe("follow");
  });
  it("opens a row that is not loaded yet as soon as it is", () => {
    const { events, store } = running(500);
    events.openAt(400);
    expect(store.selection.row).toBeNull();
    events.range = { first: 390, count: 40 };
    pass(20);
    worker().answer(500);
    expect(store.selection.row).toBe(100);
    pass(1);
    expect(worker().asked("record").row).toBe(100);
  });
  it("keeps the object of a row that is shown again, so that nobody draws it again", () => {
    const { events } = running(5);
    const row = events.rowAt(0);
    pass(20);
    worker().answer(7);
    expect(events.rowAt(2)).toBe(row);
  });
});

describe("the threads table", () => {
  it("shows what is new of its rows under a hand, and another stretch when scrolled", () => {
    const { threads } = running(10);
    expect(threads.rowAt(0)?.records).toBe(11);
    threads.hold(true);
    answered(50);
    expect(threads.rowAt(0)?.records).toBe(51);
    threads.range = { first: 1, count: 40 };
    answered(60);
    expect(threads.rowAt(1)?.records).toBe(61);
    threads.hold(false);
    answered(70);
    expect(threads.rowAt(1)?.records).toBe(71);
  });
});

describe("a worker that fails", () => {
  it("BND-17 is ended and replaced, and its rows are forgotten", () => {
    const { store, events } = running(10);
    events.openAt(4);
    worker().trap("unreachable executed");
    expect(workers.map((made) => made.ended)).toEqual([true, false]);
    expect(store.worker.failure).toMatchObject({ recovered: true, text: "unreachable executed" });
    expect(store.selection.row).toBeNull();
    expect(events.mode).toBe("follow");
    worker().ready();
    pass(1);
    expect(worker().told.map((message) => message.type)).toEqual(["start", "query"]);
    expect(worker().asked("events").known).toBe(0);
  });
  it("is not replaced for ever: then a person decides", () => {
    const { store } = makePage();
    for (let failure = 0; failure < 4; failure += 1)
      worker().say({ type: "failed", message: "no module" });
    expect(workers).toHaveLength(4);
    expect(store.worker.failure).toMatchObject({ recovered: false });
    pass(200);
    expect(workers).toHaveLength(4);
    store.worker.restart();
    expect(workers).toHaveLength(5);
    expect(store.worker.failure).toBeNull();
  });
  it("DEC-20 is replaced when it leaves a query open", () => {
    running(10);
    pass(13);
    pass(1300);
    expect(workers).toHaveLength(2);
  });
  it("is not accused by a machine that slept", () => {
    running(10);
    pass(3);
    for (let night = 0; night < 5; night += 1) sleep(3_600_000);
    expect(workers).toHaveLength(1);
  });
});

describe("what is announced", () => {
  it("D2 the phase of the connection, though the worker answers all the time", () => {
    const { store } = running(1);
    for (let newest = 2; newest < 30; newest += 1) {
      pass(7);
      worker().answer(newest);
    }
    expect(store.panes.spoken).toBe("Connection: Live");
    worker().connection = {
      ...CONNECTION,
      phase: "waiting",
      lastClose: { code: 1001, reason: "" },
    };
    for (let newest = 30; newest < 60; newest += 1) {
      pass(7);
      worker().answer(newest);
    }
    expect(store.panes.spoken).toBe("Connection: Disconnected");
  });
});

describe("what follows outside of the page", () => {
  it("wakes the worker when the browser is online again", () => {
    running(10);
    dispatchEvent(new Event("online"));
    expect(worker().told.at(-1)).toEqual({ type: "wake" });
  });
  it("X37 wakes the worker when the machine slept", () => {
    running(10);
    vi.setSystemTime(Date.now() + 600_000);
    vi.advanceTimersByTime(1_000);
    expect(worker().told.at(-1)).toEqual({ type: "wake" });
  });
  it("UX-18 keeps filter and thread in the address", () => {
    const { store } = running(10);
    store.selection.setText("plan");
    store.selection.setThread("run 1");
    pass(40);
    expect(location.search).toBe("?view=events&filter=plan&thread=run+1");
    store.selection.clearFilter();
    pass(40);
    expect(location.search).toBe("?view=events");
  });
  it("UX-18 takes filter and thread from the address, and says what it does not take", () => {
    const { store } = makePage(`?filter=plan&thread=${"y".repeat(1025)}`);
    expect(store.selection.text).toBe("plan");
    expect(store.selection.thread).toBeNull();
    expect(store.address.ignored).toHaveLength(1);
  });
  it("D18 a chosen thread is a step that Back takes back", () => {
    const { store } = running(10);
    const before = history.length;
    store.selection.setThread("run 1");
    pass(1);
    expect(history.length).toBe(before + 1);
    history.replaceState(null, "", "/?view=events");
    dispatchEvent(new Event("popstate"));
    expect(store.selection.thread).toBeNull();
    pass(40);
    expect(history.length).toBe(before + 1);
  });
  it("UX-12 starts over only where it was told to", () => {
    const { store } = running(10);
    store.reset("latest");
    expect(worker().told.at(-1)).toEqual({ type: "reset", from: "latest" });
    worker().trap("gone");
    worker().ready();
    expect(worker().told[0]).toMatchObject({ type: "start", from: "latest" });
  });
});
