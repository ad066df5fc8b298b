import { expect, it } from "vitest";
import { Slots } from "./slots.js";

it("keeps the element of a row that moves, and gives a free one to the row that comes", () => {
  const slots = new Slots<number>();
  const before = slots.assign([9, 8, 7, 6]);
  const after = slots.assign([10, 9, 8, 7]);
  expect(after.slice(1)).toEqual(before.slice(0, 3));
  expect(after[0]).toBe(before[3]);
});

it("moves no element of a list that nobody reads where most rows are new", () => {
  const slots = new Slots<number>();
  const before = slots.assign([9, 8, 7, 6], false);
  expect(slots.assign([12, 11, 10, 9], false)).toEqual(before);
  expect(slots.assign([13, 12, 11, 10], false)).toEqual([before[3], ...before.slice(0, 3)]);
  expect(slots.assign([16, 15, 14, 13])[3]).toBe(before[3]);
});

it("never gives one element to two rows, whatever comes and goes", () => {
  const slots = new Slots<number>();
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed % below;
  };
  for (let turn = 0; turn < 500; turn += 1) {
    const keys = Array.from({ length: random(40) }, () => (random(5) === 0 ? null : random(60)));
    const given = slots.assign(keys, random(2) === 0);
    expect(new Set(given).size).toBe(keys.length);
  }
});

it("uses no more elements than there are rows when rows only pass through", () => {
  const slots = new Slots<number>();
  for (let newest = 100; newest < 200; newest += 3) {
    const keys = Array.from({ length: 30 }, (_, at) => newest - at);
    expect(Math.max(...slots.assign(keys))).toBeLessThan(30);
  }
});
