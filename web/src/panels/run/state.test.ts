import { describe, expect, it } from "vitest";
import type { RunView } from "../../generated/decode_wasm.js";
import type { Asking } from "../../store/channel.js";
import type { RelayStore } from "../../store/relay.svelte.js";
import { Selection } from "../../store/selection.svelte.js";
import { RunState } from "./state.svelte.js";
import { FACTS, LINES } from "./testing.js";

function opened(): { run: RunState; selection: Selection; jumps: string[]; answer: Answer } {
  const selection = new Selection();
  const jumps: string[] = [];
  const store = { selection, isComplete: false, panes: { say: () => undefined } };
  // What the panel's state reads of the store.
  const run = new RunState(store as unknown as RelayStore, (direction) => jumps.push(direction));
  let version = 0;
  const answer: Answer = (change = {}) => {
    const asked: Asking = {};
    run.ask(asked);
    version += 1;
    const idle = { fromUs: new Float64Array(0), toUs: new Float64Array(0) };
    const content = { ...FACTS, ...LINES, idle, total: 2, ...change, version };
    run.take({ run: content }, version, false);
    return asked["run"] as Record<string, unknown>;
  };
  selection.openRun("0:7:0");
  return { run, selection, jumps, answer };
}
type Answer = (change?: Partial<RunView>) => Record<string, unknown>;

describe("an opened run", () => {
  it("asks nothing while no run is open", () => {
    const { run, selection } = opened();
    selection.closeRun();
    expect(run.question()).toBeNull();
  });
  it("has the run itself as its first line, and the lines of the answer behind it", () => {
    const { run, answer } = opened();
    answer();
    expect([run.facts?.total, run.lineAt(0), run.lineAt(1)?.id, run.lineAt(2)?.name]).toEqual([
      3,
      null,
      "0:8:0",
      "search",
    ]);
    run.select(2);
    expect([run.store.selection.span, run.selectedIndex]).toEqual(["0:9:0", 2]);
    run.select(0);
    expect(run.store.selection.span).toBeNull();
  });
  it("UX-11 goes to the next error, and unfolds what hides it", () => {
    const { run, selection, answer } = opened();
    run.question();
    run.foldAll(true);
    answer();
    run.step("next");
    expect(selection.span).toBe("0:9:0");
    const before = run.reveals;
    const hidden = { selectedKnown: true, selectedIndex: -1, selectedParent: "0:8:0" };
    answer({ ...hidden, nextTrouble: "", previousTrouble: "" });
    expect(run.reveals).toBe(before);
    const asked = answer({ selectedKnown: true, selectedIndex: 1, nextTrouble: "" });
    expect([asked["folded"], asked["foldsOthers"]]).toEqual([["0:8:0"], true]);
    expect([run.reveals, run.revealIndex]).toEqual([before + 1, 2]);
  });
  it("goes on to another run behind the last error, and to the last one when it comes from there", () => {
    const { run, selection, jumps, answer } = opened();
    answer({ nextTrouble: "" });
    run.step("next");
    expect(jumps).toEqual(["next"]);
    selection.openRun("0:70:0");
    run.arrive("previous");
    answer({ previousTrouble: "", lastTrouble: "0:99:0" });
    expect(selection.span).toBe("0:99:0");
    expect(jumps).toEqual(["next"]);
  });
  it("stays in a run that it came to although no line of it is in trouble", () => {
    const { run, jumps, answer } = opened();
    run.arrive("next");
    answer({ nextTrouble: "" });
    expect(jumps).toEqual([]);
  });
  it("zooms, and fits again when all of it is seen", () => {
    const { run, answer } = opened();
    answer();
    run.zoom(0.5);
    expect(run.view).not.toBeNull();
    run.inViewOnly = true;
    expect(run.question()?.fromUs).toBeGreaterThan(FACTS.startUs);
    run.zoom(4);
    expect([run.view, run.question()?.fromUs]).toEqual([null, null]);
  });
});
