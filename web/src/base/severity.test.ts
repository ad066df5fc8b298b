import { describe, expect, it } from "vitest";
import { APPLY_LAG_MS, BACKLOG_MESSAGES, severity, worse } from "./severity.js";

describe("UX-05 M-1004 how bad a figure is, at each limit", () => {
  it.each([
    [0, "good"],
    [999, "good"],
    [1_000, "good"],
    [1_001, "warn"],
    [1_500, "warn"],
    [5_000, "warn"],
    [5_001, "bad"],
    [6_000, "bad"],
  ])("a mean apply lag of %d ms is %s", (ms, expected) => {
    expect(severity(ms, APPLY_LAG_MS)).toBe(expected);
  });
  it.each([
    [0, "good"],
    [100, "good"],
    [101, "warn"],
    [500, "warn"],
    [501, "bad"],
    [100_000, "bad"],
  ])("a backlog of %d messages is %s", (messages, expected) => {
    expect(severity(messages, BACKLOG_MESSAGES)).toBe(expected);
  });
  it("is red until it falls, and no longer", () => {
    const seen = [90, 450, 501, 800, 501, 500, 101, 100].map((n) => severity(n, BACKLOG_MESSAGES));
    expect(seen).toEqual(["good", "warn", "bad", "bad", "bad", "warn", "warn", "good"]);
  });
  it("of two is the worse one", () => {
    expect(worse("good", "good")).toBe("good");
    expect(worse("good", "warn")).toBe("warn");
    expect(worse("bad", "warn")).toBe("bad");
  });
});
