// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { Address } from "./address.svelte.js";
import { runAddress } from "./run_address.js";
import { Selection } from "./selection.svelte.js";

function opened(search: string): { address: Address; selection: Selection } {
  history.replaceState(null, "", `/${search}`);
  const selection = new Selection();
  const address = new Address();
  runAddress(selection).forEach((part) => {
    address.add(part);
  });
  address.read();
  return { address, selection };
}

describe("the run in the address", () => {
  it("UX-18 opens cold on the run and the span it names", () => {
    const { selection } = opened("?run=3:120:0&span=3:125:2:1");
    expect([selection.run, selection.span]).toEqual(["3:120:0", "3:125:2:1"]);
  });
  it("UX-18 says which part it cannot use, and has no span without a run", () => {
    const { address, selection } = opened("?run=3:120&span=3:125:2");
    expect([selection.run, selection.span]).toEqual([null, null]);
    expect(address.ignored).toEqual(["run=3:120 is not PARTITION:OFFSET:INDEX and is not used."]);
  });
  it("makes a run a step of its own, and only the first of its spans", () => {
    const { address, selection } = opened("");
    const steps = (): number => history.length;
    const before = steps();
    selection.openRun("0:7:0");
    address.keep();
    expect([steps() - before, location.search]).toEqual([1, "?run=0%3A7%3A0"]);
    selection.selectSpan("0:8:0");
    address.keep();
    selection.selectSpan("0:9:0");
    address.keep()();
    expect(steps() - before).toBe(2);
    selection.openRun("0:70:0");
    address.keep();
    expect([steps() - before, selection.span]).toEqual([3, null]);
    selection.closeRun();
    address.keep();
    expect([steps() - before, location.search]).toEqual([4, ""]);
  });
});
