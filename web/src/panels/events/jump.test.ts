import { describe, expect, it } from "vitest";
import type { Jump } from "../../store/selection.svelte.js";
import { jumpOf, landingText, type Landing } from "./jump.js";

const NEAR = Date.UTC(2026, 0, 31, 9, 0, 0);
const AROUND = {
  shown: true,
  edge: "120",
  instant: (ms: number) => `T${ms}`,
  whyNotOlder: "the relay had nothing older",
};

describe("what is typed to go somewhere", () => {
  it("is an address", () => {
    const jump = (place: Jump["place"]): Jump => ({ place, timeMs: null, waits: false });
    expect(jumpOf(" 1:250 ", "utc", NEAR)).toEqual(jump({ partition: 1, offset: "250" }));
    expect(jumpOf("1:2:3", "utc", NEAR)).toEqual(jump({ partition: 1, offset: "2", index: 3 }));
    expect(jumpOf("12:30:15", "utc", NEAR)).toEqual(
      jump({ partition: 12, offset: "30", index: 15 }),
    );
  });
  it("is a time", () => {
    const timeMs = Date.UTC(2026, 0, 31, 14, 5);
    const jump = { place: null, timeMs, waits: false };
    for (const text of ["14:05", "T14:05", "14:05:00", "2026-01-31 14:05"])
      expect(jumpOf(text, "utc", NEAR), text).toEqual(jump);
  });
  it("is nothing else", () => {
    expect(jumpOf("somewhere", "utc", NEAR)).toBeNull();
  });
});

describe("what was there", () => {
  const said = (landing: Landing, jump: Jump, edge = "120"): string =>
    landingText(jump, { ...AROUND, landing, edge });
  const place: Jump = { place: { partition: 0, offset: "5" }, timeMs: null, waits: false };
  const time: Jump = { place: null, timeMs: 1, waits: false };
  it("says nothing where it was what was wanted", () => {
    expect(said("there", place)).toBe("");
    expect(said("there", time)).toBe("");
  });
  it("says that a place is older than what is held, and why", () => {
    expect(said("older", place)).toBe(
      "Record 0:5 is not in memory: partition 0 begins with offset 120, as the relay had nothing older.",
    );
    expect(said("older", time)).toContain("the oldest row is of T120");
  });
  it("says what has not come, what is hidden and what is not there", () => {
    expect(said("later", place)).toContain("has not come yet");
    expect(said("later", place, "")).toBe("No record of partition 0 has come yet.");
    expect(said("later", time)).toContain("the newest row is of T120");
    expect(said("hidden", place)).toContain("The filter hides record 0:5");
    expect(said("hidden", time)).toContain("The filter hides");
    expect(said("next", place)).toBe("There is no record 0:5; what follows it is shown.");
  });
});
