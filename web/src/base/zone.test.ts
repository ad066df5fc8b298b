import { describe, expect, it } from "vitest";
import { Times } from "./zone.js";

const UTC = new Times("utc");
const NOW = Date.UTC(2025, 10, 22, 12);

describe("D14 one zone for every time", () => {
  it("writes today's time to the millisecond, and the day of every other", () => {
    expect(UTC.row(Date.UTC(2025, 10, 22, 5, 40, 0, 7), NOW)).toBe("05:40:00.007");
    expect(UTC.row(Date.UTC(2025, 10, 21, 23, 59, 59, 999), NOW)).toBe("Nov 21 23:59:59");
    expect(UTC.short(Date.UTC(2025, 10, 22, 5, 40), NOW)).toBe("05:40:00");
    expect(UTC.short(Date.UTC(2025, 10, 23), NOW)).toBe("Nov 23");
  });
  it("writes the whole instant with its zone", () => {
    expect(UTC.instant(Date.UTC(2025, 10, 22, 5, 40, 0, 7))).toBe("2025-11-22 05:40:00.007 UTC");
    const local = new Times("local").instant(NOW);
    expect(local).toMatch(/^2025-11-2\d \d\d:\d\d:00\.000 UTC([+-]\d\d:\d\d)?$/);
  });
  it.each([0, -1, Number.NaN, 9e15])("TIM-02 shows no time for %d", (ms) => {
    expect(UTC.row(ms, NOW)).toBe("\u2013");
    expect(UTC.instant(ms)).toContain("no usable time");
  });
});
