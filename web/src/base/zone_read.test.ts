import { describe, expect, it } from "vitest";
import { isoTime, timeOf } from "./zone_read.js";

const NEAR = Date.UTC(2026, 0, 31, 9, 0, 0);

describe("a time that is typed", () => {
  it("is of the page's zone, on the day of the newest row", () => {
    expect(timeOf("14:05", "utc", NEAR)).toBe(Date.UTC(2026, 0, 31, 14, 5));
    expect(timeOf("T9:30", "utc", NEAR)).toBe(Date.UTC(2026, 0, 31, 9, 30));
    expect(timeOf("2025-12-24", "utc", NEAR)).toBe(Date.UTC(2025, 11, 24));
    expect(timeOf("2025-12-24T14:05:07.25", "utc", NEAR)).toBe(
      Date.UTC(2025, 11, 24, 14, 5, 7, 250),
    );
    expect(timeOf("2025-12-24 14:05:07 UTC", "local", NEAR)).toBe(Date.UTC(2025, 11, 24, 14, 5, 7));
    expect(timeOf("2025-12-24 14:05", "local", NEAR)).toBe(new Date(2025, 11, 24, 14, 5).getTime());
  });
  it("is nothing where it is none", () => {
    for (const text of ["", "x", "1:", "25:00", "12:60", "2025-02-30", "2025-13-01 10:00"])
      expect(timeOf(text, "utc", NEAR), text).toBeNull();
  });
});

it("writes times for files in UTC", () => {
  expect(isoTime(NEAR)).toBe("2026-01-31T09:00:00.000Z");
});
