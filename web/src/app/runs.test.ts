// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import type { PanelPart } from "../store/panel.js";
import type { RelayStore } from "../store/relay.svelte.js";
import type { FakeRun } from "../store/testing/fake_runs.js";
import { shortcut, shortcutsOf } from "./shortcuts.js";
import { answered, makePage, pass, takeOver, worker } from "./testing/page.js";

takeOver();

/** What the tests use of the list's state. */
interface Runs {
  newer: number;
  total: number;
  isStill: boolean;
  sort: string;
  groups: readonly string[];
  pins: readonly string[];
  counts: { all: number; failed: number };
  rowAt(index: number): { id: string; tokens: number; thread: string } | null;
  keyAt(index: number): string | null;
  reads(change: { focused?: boolean; pointed?: boolean; scrolled?: boolean }): void;
  toggleGroup(group: string): void;
  togglePin(index: number): void;
  setSort(sort: string, ascending: boolean): void;
  setText(text: string): void;
  restart(): void;
  open(index: number): void;
  returnTo(): number;
}

/** Runs 1 to `last`, of which every third failed. */
function some(last: number, tokens = 0): FakeRun[] {
  return Array.from({ length: last }, (_, at) => ({
    serial: at + 1,
    status: (at + 1) % 3 === 0 ? "failed" : "running",
    tokens,
  }));
}

function opened(
  search: string,
  last: number,
): { store: RelayStore; panels: readonly PanelPart[]; runs: Runs } {
  const { store, panels } = makePage(search);
  worker().ready();
  worker().runs = some(last);
  pass(1);
  worker().answer(1);
  const runs = panels.find((panel) => panel.name === "runs")?.state as Runs;
  return { store, panels, runs };
}

function come(runs: readonly FakeRun[]): void {
  worker().runs = runs;
  answered(1);
}

const ids = (runs: Runs): (string | undefined)[] =>
  Array.from({ length: 5 }, (_, at) => runs.rowAt(at)?.id);

describe("UX-07 the list of runs", () => {
  it("is what the page shows first, newest first, with counts over all runs", () => {
    const { store, runs } = opened("", 30);
    expect(store.view.name).toBe("runs");
    expect(worker().lastQuery().panels.events).toBeUndefined();
    expect(runs.rowAt(0)?.id).toBe("0:30:0");
    expect(runs.counts).toMatchObject({ all: 30, failed: 10 });
    come(some(31));
    expect(runs.rowAt(0)?.id).toBe("0:31:0");
  });
  it("changes rarely while records rush by: a file is read, and nobody reads the lines", () => {
    const { store } = opened("", 30);
    /** How often the list is asked for in 640 ms in which there is always something to say. */
    const asked = (): number => {
      const before = worker().queries().length;
      for (let frame = 0; frame < 40; frame += 1) {
        pass(1);
        worker().runs = some(31 + frame);
        worker().answer(frame);
      }
      const since = worker().queries().slice(before);
      return since.filter((query) => query.panels.runs !== undefined).length;
    };
    expect(asked()).toBeGreaterThan(5);
    store.openCapture(new File(["x"], "run.dscap"));
    worker().fileState = "reading";
    pass(1);
    worker().answer(1);
    expect(asked()).toBeLessThanOrEqual(3);
    worker().fileState = "done";
    answered(1);
    expect(asked()).toBeGreaterThan(5);
  });
  it("never shows how far a file was read beside counts of before", () => {
    const { store } = opened("", 30);
    store.openCapture(new File(["x"], "run.dscap"));
    worker().fileState = "reading";
    for (let frame = 0; frame < 40; frame += 1) {
      pass(1);
      worker().answer(frame);
    }
    const panels = worker()
      .queries()
      .map((query) => query.panels);
    const asked = panels.filter((one) => one.file !== undefined);
    expect(asked.length).toBeGreaterThan(3);
    expect(asked.filter((one) => one.totals === undefined)).toEqual([]);
  });
  it("UX-14 U-17 keeps its lines in place under a reader, with what they say live", () => {
    const { runs } = opened("", 30);
    runs.reads({ pointed: true });
    const before = ids(runs);
    come(some(2_030, 7));
    expect(ids(runs)).toEqual(before);
    expect(runs.rowAt(0)?.tokens).toBe(7);
    expect(runs.newer).toBe(2_000);
    expect(worker().asked("runs").count).toBe(0);
    runs.reads({ pointed: false });
    answered(1);
    expect(runs.rowAt(0)?.id).toBe("0:2030:0");
  });
  it("UX-14 a run that leaves the filter keeps its line until the reader is done", () => {
    const { runs } = opened("?runs=failed", 30);
    expect(runs.rowAt(0)?.id).toBe("0:30:0");
    runs.reads({ focused: true });
    come(some(30).map((run) => ({ ...run, status: "running" })));
    expect(ids(runs)[0]).toBe("0:30:0");
    runs.reads({ focused: false });
    answered(1);
    expect(runs.total).toBe(0);
  });
  it("UX-14 shows the newest when asked to, and stands still again", () => {
    const { runs } = opened("", 30);
    runs.reads({ focused: true });
    come(some(40));
    runs.restart();
    answered(1);
    expect(runs.rowAt(0)?.id).toBe("0:40:0");
    come(some(50));
    expect(runs.rowAt(0)?.id).toBe("0:40:0");
    expect(runs.newer).toBe(10);
  });
  it("UX-14 a reader who goes into the list with a new filter gets the lines of that filter", () => {
    const { runs } = opened("", 30);
    pass(4);
    runs.toggleGroup("failed");
    runs.reads({ focused: true });
    worker().answer(1);
    answered(1);
    expect(ids(runs)).toEqual(["0:30:0", "0:27:0", "0:24:0", "0:21:0", "0:18:0"]);
    expect(runs.total).toBe(10);
  });
  it("UX-02 pins runs above all others, whatever the filter says", () => {
    const { runs } = opened("", 30);
    runs.togglePin(4);
    come(some(60));
    runs.toggleGroup("failed");
    answered(1);
    expect(runs.keyAt(0)).toBe("pinned 0:26:0");
    expect(runs.rowAt(1)?.id).toBe("0:60:0");
    expect(runs.total).toBe(21);
    runs.togglePin(0);
    answered(1);
    expect(runs.rowAt(0)?.id).toBe("0:60:0");
  });
  it("UX-02 stands still while a run of it is open, and knows where that was", () => {
    const { store, runs } = opened("", 30);
    runs.open(3);
    expect(store.selection.run).toBe("0:27:0");
    come(some(90));
    store.selection.closeRun();
    expect(runs.returnTo()).toBe(3);
    answered(1);
    expect(runs.rowAt(3)?.id).toBe("0:27:0");
  });
  it("keeps the object of a line that says the same, so that nobody draws it again", () => {
    const { runs } = opened("", 30);
    const line = runs.rowAt(0);
    come(some(31));
    expect(runs.rowAt(1)).toBe(line);
  });
});

describe("UX-18 the view and its filter", () => {
  it("are read from the address and kept in it", () => {
    const { store, runs } = opened("?view=runs&runs=failed&sort=-duration&search=x&pins=0:1:0", 9);
    expect(worker().asked("runs")).toMatchObject({
      groups: ["failed"],
      sort: "duration",
      ascending: true,
      text: "x",
      pinned: ["0:1:0"],
    });
    runs.setText("");
    runs.setSort("started", false);
    store.view.go("health");
    pass(40);
    expect(location.search).toBe("?view=health&runs=failed&pins=0%3A1%3A0");
    expect(store.address.ignored).toEqual([]);
  });
  it("say what they do not take", () => {
    const { store } = opened("?view=x&runs=failed,y&sort=z&pins=1", 1);
    expect(store.address.ignored).toHaveLength(4);
    expect(store.view.name).toBe("runs");
  });
  it("D18 are steps that Back takes back", () => {
    const { store, runs } = opened("", 9);
    const before = history.length;
    store.view.go("events");
    pass(1);
    runs.toggleGroup("failed");
    pass(1);
    expect(history.length).toBe(before + 2);
    history.replaceState(null, "", "/");
    dispatchEvent(new Event("popstate"));
    expect([store.view.name, runs.groups.length]).toEqual(["runs", 0]);
  });
  it("chooses one of the groups that exclude each other, and losses besides", () => {
    const { runs } = opened("", 9);
    runs.toggleGroup("failed");
    runs.toggleGroup("lossy");
    expect(runs.groups).toEqual(["failed", "lossy"]);
    runs.toggleGroup("waiting");
    expect(runs.groups).toEqual(["lossy", "waiting"]);
    runs.toggleGroup("waiting");
    expect(runs.groups).toEqual(["lossy"]);
  });
  it("UX-15 change by one key, which the help of each view lists once", () => {
    const { store, panels } = opened("", 9);
    const press = (key: string): void => {
      const event = new KeyboardEvent("keydown", { key, cancelable: true });
      shortcut(event, store, shortcutsOf(store, panels), panels);
    };
    for (const [key, view] of [
      ["e", "events"],
      ["h", "health"],
      ["r", "runs"],
    ] as const) {
      press(key);
      expect(store.view.name).toBe(view);
      const keys = shortcutsOf(store, panels).map((one) => one.key);
      expect(new Set(keys).size).toBe(keys.length);
    }
  });
});
