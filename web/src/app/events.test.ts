// @vitest-environment happy-dom
import { describe, expect, it, vi } from "vitest";
import type { WorkerMessage } from "../generated/decode_wasm.js";
import { answered, makePage, pass, running, takeOver, worker } from "./testing/page.js";

takeOver();

interface List {
  landing: string;
  order: string;
  showing: { index: number } | null;
  mode: string;
  setOrder: (order: string) => void;
  togglePause: () => void;
  scrolled: (atTop: boolean) => void;
  save: { bytes: number | null; said: string; save: () => Promise<void> };
}

function list(page: ReturnType<typeof running>): List {
  return page.events as unknown as List;
}

/** Answers the open query, and says of the place to go to what is there. */
function land(newest: number, landing: string, landedAt: number, edge = ""): void {
  pass(1);
  const events = worker().eventsAnswer(newest);
  const { id } = worker().lastQuery();
  const content = { ...events, landing, landedAt, edge, version: newest + 1000, strings: [""] };
  worker().say({ type: "view", id, panels: { events: content } } as WorkerMessage);
}

describe("a filter", () => {
  it("UX-18 D18 is in the address in all its parts, and a cold page asks for the same", () => {
    const { store } = running(10);
    const { selection } = store;
    selection.setNode("plan");
    selection.setWithin({ run: "0:7:0", attempt: 2 });
    selection.setKinds(["NODE_START", "error"]);
    pass(40);
    const { search } = location;
    expect(new URLSearchParams(search).get("within")).toBe("0:7:0:2");
    makePage(search);
    worker().ready();
    pass(1);
    expect(worker().asked("events")).toMatchObject({
      node: "plan",
      run: "0:7:0",
      attempt: 2,
      kinds: ["NODE_START", "error"],
    });
  });
  it("UX-18 says what it does not take", () => {
    const { store } = makePage("?within=0:7&order=sideways");
    expect(store.selection.within).toBeNull();
    expect(store.address.ignored).toHaveLength(2);
  });
  it("narrows to a run and to nothing else, from any panel", () => {
    const { store } = running(10);
    store.selection.setThread("other");
    store.selection.showWithin("1:2:0", 3);
    pass(1);
    expect(worker().asked("events")).toMatchObject({ thread: null, run: "1:2:0", attempt: 3 });
    expect(store.selection.filtered).toBe(true);
  });
});

describe("a list that is not ready", () => {
  it("BND-10 keeps what it shows and is asked for again in the next frame", () => {
    const page = running(10);
    page.store.selection.setText("node");
    pass(1);
    const { id, panels } = worker().lastQuery();
    expect(panels.events).toMatchObject({ text: "node", known: 0 });
    worker().say({ type: "view", id, panels: { events: null } });
    expect(page.events.total).toBe(11);
    pass(1);
    expect(worker().lastQuery().id).not.toBe(id);
    expect(worker().asked("events")).toMatchObject({ text: "node", known: 0 });
    worker().answer(4);
    expect(page.events.total).toBe(5);
  });
});

describe("the order", () => {
  it("X34 is by Kafka's time, newest first, and what else was asked for is in the address", () => {
    const page = running(10);
    expect(worker().asked("events")).toMatchObject({ oldestFirst: false, byArrival: false });
    list(page).setOrder("first-arrival");
    pass(40);
    expect(worker().asked("events")).toMatchObject({ oldestFirst: true, byArrival: true });
    expect(location.search).toContain("order=first-arrival");
    const again = makePage("?view=events&order=oldest");
    expect(list(again).order).toBe("oldest");
  });
  it("UX-14 oldest first, Follow stays at the end until the reader scrolls", () => {
    const page = running(10);
    const events = list(page);
    events.setOrder("oldest");
    answered(20);
    expect(events.showing).toBeNull();
    events.togglePause();
    events.togglePause();
    answered(40);
    expect(events.showing).toEqual({ index: 40 });
    events.scrolled(false);
    answered(60);
    expect(events.mode).toBe("hold");
    expect(events.showing).toEqual({ index: 40 });
  });
});

describe("a list that stands still", () => {
  it("UX-14 takes no answer to what was asked before", () => {
    const page = running(10);
    pass(15);
    page.events.hold();
    worker().answer(60);
    expect(page.events.rowAt(0)?.row).toBe(10);
    answered(60);
    expect(page.events.rowAt(0)?.row).toBe(10);
    expect(page.events.newerRows).toBe(50);
  });
  it("UX-14 stays with the rows on the screen where it is held before newer ones came", () => {
    const page = running(10);
    pass(15);
    page.events.togglePause();
    answered(60);
    page.events.togglePause();
    page.events.hold();
    answered(60);
    expect(page.events.rowAt(0)?.row).toBe(10);
  });
});

describe("a place to go to", () => {
  it("is asked for once, stands still there and is opened", () => {
    const page = running(100);
    page.store.selection.goTo({ partition: 0, offset: "7" });
    land(100, "there", 30);
    expect(worker().asked("events").seekPlace).toBe("0:7:0");
    expect(list(page)).toMatchObject({ mode: "hold", showing: { index: 30 }, landing: "" });
    pass(20);
    expect(worker().asked("events").seekPlace).toBeNull();
    worker().answer(100);
    expect(page.store.selection.row).toBe(70);
  });
  it("says that a place is older than retention, and keeps the list where it is", () => {
    const page = running(100);
    page.store.selection.goTo({ partition: 3, offset: "7" });
    land(100, "older", -1, "120");
    expect(list(page).landing).toBe(
      "Record 3:7 is not in memory: partition 3 begins with offset 120, as the relay had nothing older.",
    );
    expect(list(page).mode).toBe("follow");
  });
  it("UX-18 is not opened any more once the reader has closed it", () => {
    const page = makePage("?view=events&at=0:7");
    worker().ready();
    pass(1);
    page.store.selection.close();
    land(100, "there", 30);
    answered(100);
    expect(worker().asked("events").seekPlace).toBeNull();
    expect(page.store.selection.isOpen).toBe(false);
  });
  it("of a link is waited for until it has come, or the reader goes elsewhere", () => {
    const page = makePage("?view=events&at=0:7");
    worker().ready();
    land(1, "later", -1);
    land(2, "later", -1);
    expect(list(page).landing).toBe("");
    expect(worker().asked("events").seekPlace).toBe("0:7:0");
    list(page).scrolled(false);
    pass(20);
    expect(worker().asked("events").seekPlace).toBeNull();
  });
});

describe("saving", () => {
  const counts = { over: true, rows: 3, frames: 2, lost: 1, evicted: 0 };
  /** Answers what the worker was asked of the file, piece after piece. */
  async function answerSaves(): Promise<void> {
    let answeredTo = 0;
    for (let turn = 0; turn < 20; turn += 1) {
      await Promise.resolve();
      const asked = worker().told.filter(({ type }) => type === "save" || type === "saveOn");
      for (const message of asked.slice(answeredTo)) {
        const id = "id" in message ? message.id : 0;
        worker().say({ type: "saved", id, bytes: new Uint8Array([1]), ...counts });
      }
      answeredTo = asked.length;
    }
  }
  it("D-30 hands the file to the browser and says what is not in it", async () => {
    const page = running(3);
    const made = vi.spyOn(URL, "createObjectURL").mockReturnValue("about:blank#saved");
    const done = list(page).save.save();
    expect(list(page).save.bytes).toBe(0);
    await answerSaves();
    await done;
    expect(made).toHaveBeenCalledOnce();
    expect(list(page).save.said).toContain("3 rows saved, 2 records");
    expect(list(page).save.said).toContain("1 row of them left out");
    made.mockRestore();
  });
  it("D-30 says why a file could not be made, and saves again when asked again", async () => {
    const page = running(3);
    const made = vi.spyOn(URL, "createObjectURL").mockImplementation(() => {
      throw new Error("no room");
    });
    const done = list(page).save.save();
    await answerSaves();
    await done;
    expect(list(page).save).toMatchObject({
      bytes: null,
      said: "The capture could not be saved: no room",
    });
    made.mockRestore();
    void list(page).save.save();
    expect(list(page).save.bytes).toBe(0);
  });
  it("D-30 says that a decoder which died has nothing to save, each time and in the end", async () => {
    const page = running(3);
    const { save: saving } = list(page);
    const restartsMax = 3;
    for (let deaths = 0; deaths <= restartsMax; deaths += 1) {
      const done = saving.save();
      worker().trap("unreachable");
      await done;
      expect(saving).toMatchObject({
        bytes: null,
        said: "What was to be saved is no longer in memory.",
      });
      if (deaths < restartsMax) worker().ready();
    }
    expect(page.store.worker.isUp).toBe(false);
    await saving.save();
    expect(saving.said).toBe("Nothing can be saved while the decoder is not running.");
  });
});
