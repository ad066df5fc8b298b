import { expect, it } from "vitest";
import { durationText, msOf } from "./duration.js";

it("TIM-01 microseconds become milliseconds in one place, without losing one", () => {
  expect(msOf(1_763_790_000_123_456)).toBe(1_763_790_000_123.456);
  expect(msOf(-1_500)).toBe(-1.5);
  expect(durationText(1_500)).toBe("1.5 ms");
});
