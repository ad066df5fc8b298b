import { describe, expect, it } from "vitest";
import {
  age,
  behind,
  byteSize,
  count,
  countdown,
  isTime,
  percent,
  perSecond,
  plural,
} from "./format.js";

describe("figures", () => {
  it("DEC-09 shows 64-bit values exactly", () => {
    expect(count(18446744073709551615n)).toBe("18,446,744,073,709,551,615");
    expect(count(9007199254740993n)).toBe("9,007,199,254,740,993");
  });
  it("groups numbers and picks the plural", () => {
    expect(count(1234567)).toBe("1,234,567");
    expect(plural(1, "gap")).toBe("1 gap");
    expect(plural(0, "gap")).toBe("0 gaps");
    expect(plural(2, "entry", "entries")).toBe("2 entries");
  });
  it.each([
    [0, "0 B"],
    [1023, "1,023 B"],
    [1024, "1.0 KiB"],
    [1536, "1.5 KiB"],
    [150 * 1024, "150 KiB"],
    [10 * 1024 * 1024, "10.0 MiB"],
  ])("%d bytes are %s", (bytes, text) => {
    expect(byteSize(bytes)).toBe(text);
  });
  it("UX-04 shows an unknown rate as unknown, not as zero", () => {
    expect(perSecond(null)).toBe("\u2013");
    expect(perSecond(0)).toBe("0");
    expect(perSecond(3.25)).toBe("3.3");
    expect(perSecond(15_630.4)).toBe("15,630");
  });
  it("says 100 % only at the end", () => {
    expect(percent(0.999)).toBe("99 %");
    expect(percent(1)).toBe("100 %");
    expect(percent(-1)).toBe("0 %");
  });
  it("is never behind when it is past the head", () => {
    expect(behind(5n, 9n)).toBe(4n);
    expect(behind(9n, 5n)).toBe(0n);
    expect(behind(0n, 18446744073709551615n)).toBe(18446744073709551615n);
  });
});

describe("times", () => {
  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 9e15, 12_345])(
    "TIM-02 %d is not a time that can be shown",
    (ms) => {
      expect(isTime(ms)).toBe(false);
    },
  );
  it("counts down to one second, never to zero", () => {
    expect(countdown(7_001)).toBe("8 s");
    expect(countdown(0)).toBe("1 s");
  });
  it("UX-04 tells an age in its largest useful unit", () => {
    expect(age(400)).toBe("now");
    expect(age(59_999)).toBe("59 s");
    expect(age(3_599_000)).toBe("59 min");
    expect(age(90_000_000)).toBe("25 h");
    expect(age(200_000_000)).toBe("2 days");
  });
});
