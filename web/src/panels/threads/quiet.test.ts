import { expect, it } from "vitest";
import { silence } from "./quiet.js";

it("D15 a thread that runs and sends nothing is silent, since when it is", () => {
  const last = 1_763_790_000_000;
  expect(silence("running", last, last + 59_999)).toBe("");
  expect(silence("running", last, last + 300_000)).toBe("silent for 5 min");
  expect(silence("ended", last, last + 300_000)).toBe("");
  expect(silence("running", 0, last)).toBe("");
});
