import { describe, expect, it } from "vitest";
import { BEYOND_ROWS_LIVE, pageRows, scrollTopShowing, sliceOf } from "./window.js";

const ROW = 28;
const VIEW = 560;
const at = (total: number, scrollTop: number) => ({
  total,
  rowHeight: ROW,
  viewHeight: VIEW,
  scrollTop,
});

describe("sliceOf", () => {
  it("UX-14 renders what is seen and a few rows more, never all", () => {
    const slice = sliceOf(at(200_000, 28_000));
    expect(slice.first).toBe(992);
    expect(slice.count).toBe(36);
    expect(slice.top).toBe(992 * ROW);
    expect(slice.canvasHeight).toBe(200_000 * ROW);
    const live = sliceOf(at(200_000, 0), BEYOND_ROWS_LIVE);
    expect([live.first, live.count]).toEqual([0, 21]);
  });
  it("holds no rows of an empty list", () => {
    expect(sliceOf(at(0, 0))).toEqual({ first: 0, count: 0, canvasHeight: 0, top: 0 });
  });
  it("ends with the last row, however far it was scrolled", () => {
    for (const total of [1, 19, 20, 21, 1000, 5_000_000]) {
      const slice = sliceOf(at(total, Number.MAX_SAFE_INTEGER));
      expect(slice.first + slice.count).toBe(total);
    }
  });
  it("reaches every row of a list too tall for a browser", () => {
    const total = 5_000_000;
    const { canvasHeight } = sliceOf(at(total, 0));
    expect(canvasHeight).toBeLessThan(10_000_000);
    for (const row of [0, 1, 4_999, 2_500_000, 4_999_998, 4_999_999]) {
      const scrollTop = scrollTopShowing(row, at(total, 0));
      const slice = sliceOf(at(total, scrollTop));
      expect(row).toBeGreaterThanOrEqual(slice.first);
      expect(row).toBeLessThan(slice.first + slice.count);
      const top = slice.top + (row - slice.first) * ROW - scrollTop;
      expect(top).toBeGreaterThan(-1);
      expect(top + ROW).toBeLessThan(VIEW + 1);
    }
  });
});

describe("scrollTopShowing", () => {
  it("leaves a row that is seen where it is", () => {
    expect(scrollTopShowing(12, at(1000, 280))).toBe(280);
  });
  it("moves least, up or down", () => {
    expect(scrollTopShowing(9, at(1000, 280))).toBe(9 * ROW);
    expect(scrollTopShowing(30, at(1000, 280))).toBe(31 * ROW - VIEW);
  });
  it("pages by a view less one row, and at least by one", () => {
    expect(pageRows(at(1000, 0))).toBe(19);
    expect(pageRows({ ...at(1000, 0), viewHeight: 10 })).toBe(1);
  });
});
