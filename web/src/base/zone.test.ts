import { describe, expect, it } from "vitest";
import { aheadText, Times } from "./zone.js";

const UTC = new Times("utc");
const NOW = Date.UTC(2025, 10, 22, 12);
const SUMMER = Date.UTC(2025, 6, 1, 12);

describe("D14 one zone for every time", () => {
  it("X35 writes today's time to the millisecond, the day of every other, the year of another", () => {
    expect(UTC.row(Date.UTC(2025, 10, 22, 5, 40, 0, 7), NOW)).toBe("05:40:00.007");
    expect(UTC.row(Date.UTC(2025, 10, 21, 23, 59, 59, 999), NOW)).toBe("Nov 21 23:59:59");
    expect(UTC.row(Date.UTC(2024, 10, 22, 23, 59, 59), NOW)).toBe("2024-11-22 23:59");
    expect(UTC.short(Date.UTC(2025, 10, 22, 5, 40), NOW)).toBe("05:40:00");
    expect(UTC.short(Date.UTC(2025, 10, 21), NOW)).toBe("Nov 21");
    expect(UTC.short(Date.UTC(2024, 10, 22), NOW)).toBe("2024-11-22");
    expect(UTC.moment(Date.UTC(2025, 10, 22, 5, 40, 0, 7), NOW)).toBe("05:40:00 UTC");
    expect(UTC.moment(Date.UTC(2025, 10, 21, 5, 40), NOW)).toBe("Nov 21 05:40:00 UTC");
  });
  it("writes the whole instant with its zone", () => {
    expect(UTC.instant(Date.UTC(2025, 10, 22, 5, 40, 0, 7))).toBe("2025-11-22 05:40:00.007 UTC");
    const local = new Times("local").instant(NOW);
    expect(local).toMatch(/^2025-11-2\d \d\d:\d\d:00\.000 UTC([+-]\d\d:\d\d)?$/);
  });
  it("X35 names the offset of the season, not of 1970", () => {
    const london = new Times("local", "Europe/London");
    expect([london.zoneName(NOW), london.zoneName(SUMMER)]).toEqual(["UTC", "UTC+1"]);
    expect(london.instant(SUMMER)).toBe("2025-07-01 13:00:00.000 UTC+01:00");
    expect(london.moment(SUMMER, SUMMER)).toBe("13:00:00 UTC+1");
  });
  it("says how far a clock is ahead of the browser's", () => {
    expect(aheadText(NOW + 4_000, NOW)).toBe("");
    expect(UTC.instant(NOW + 7_200_000, NOW)).toBe(
      "2025-11-22 14:00:00.000 UTC, 2 h ahead of this browser's clock",
    );
  });
  it.each([0, -1, Number.NaN, 9e15])("TIM-02 shows no time for %d", (ms) => {
    expect(UTC.row(ms, NOW)).toBe("\u2013");
    expect(UTC.short(ms, NOW)).toBe("\u2013");
    expect(UTC.moment(ms, NOW)).toBe("\u2013");
    expect(UTC.instant(ms)).toContain("no usable time");
  });
});
