import { describe, expect, it } from "vitest";
import {
  around,
  instantAt,
  makeAxis,
  panned,
  placeOf,
  scaleOf,
  ticksOf,
  tickStep,
  wholeOf,
  within,
  zoomed,
} from "./axis.js";

const HOUR = 3_600_000_000;
const START = 1_767_225_600_000_000;
const at = (us: number): number => START + us;
const whole = { fromUs: START, toUs: at(2 * HOUR + 300_000) };
const idle = [
  { fromUs: at(100_000), toUs: at(HOUR) },
  { fromUs: at(HOUR + 100_000), toUs: at(2 * HOUR) },
];

describe("the axis", () => {
  it("gives every instant a place and has it back from there, folded or not", () => {
    for (const folds of [false, true]) {
      const axis = makeAxis(whole, idle, folds, false);
      const parts = Array.from({ length: 1_001 }, (_, part) => part / 1_000);
      const times = parts.map((part) => START + Math.round(part * (whole.toUs - START)));
      const places = times.map((us) => placeOf(axis, us));
      const rising = places.slice(1).every((place, at) => place > (places[at] ?? Infinity));
      const errors = places.map((place, at) => Math.abs(instantAt(axis, place) - (times[at] ?? 0)));
      expect([rising, Math.max(...errors) < 1]).toEqual([true, true]);
    }
  });
  it("folds what is idle to a small part, and says how much that was", () => {
    const axis = makeAxis(whole, idle, true, false);
    expect(axis.foldedUs).toBe(2 * HOUR - 200_000);
    expect(axis.length).toBeLessThan(300_000 * 1.2 + 300_000);
    const open = makeAxis(whole, idle, false, false);
    expect(open.foldedUs).toBe(0);
    expect(open.length).toBe(whole.toUs - START);
  });
  it("keeps hundreds of folds from hiding what went on", () => {
    const many = Array.from({ length: 256 }, (_, n) => ({
      fromUs: at(n * HOUR + 1_000),
      toUs: at((n + 1) * HOUR),
    }));
    const axis = makeAxis({ fromUs: START, toUs: at(256 * HOUR + 1_000) }, many, true, false);
    const busy = 257 * 1_000;
    expect(axis.length).toBeLessThan(busy * 1.31);
  });
  it("leaves room behind the end for what is open", () => {
    const axis = makeAxis({ fromUs: START, toUs: at(1_000_000) }, [], true, true);
    expect(axis.endUs).toBe(at(1_030_000));
  });
  it("has a length even for a run of one instant", () => {
    const axis = makeAxis({ fromUs: START, toUs: START }, [], true, false);
    expect(axis.length).toBe(1);
    expect(ticksOf(axis, wholeOf(axis), 500).length).toBeGreaterThan(0);
  });
});

describe("what is looked at", () => {
  const axis = makeAxis(whole, idle, true, false);
  it("zooms about a point that stays where it is", () => {
    const view = zoomed(axis, wholeOf(axis), 0.5, 0.25);
    const scale = scaleOf(axis, view, 1_000);
    const held = instantAt(axis, axis.length * 0.25);
    expect(scale(held)).toBeCloseTo(250, 3);
    const back = zoomed(axis, view, 2, 0.25);
    expect(back.fromUs).toBeCloseTo(START, 0);
    expect(back.toUs).toBeCloseTo(whole.toUs, 0);
  });
  it("never looks past an end, and never at nothing", () => {
    expect(panned(axis, wholeOf(axis), -3)).toEqual(wholeOf(axis));
    let view = wholeOf(axis);
    for (let step = 0; step < 200; step += 1) view = zoomed(axis, view, 0.5, 1);
    expect(view.toUs - view.fromUs).toBeGreaterThan(9);
    const right = panned(axis, zoomed(axis, wholeOf(axis), 0.1, 0), 100);
    expect(right.toUs).toBeCloseTo(whole.toUs, 0);
    expect(within(axis, { fromUs: 0, toUs: 1e18 })).toEqual(wholeOf(axis));
  });
  it("shows a span with room on both sides", () => {
    const view = around(axis, { fromUs: at(HOUR + 10_000), toUs: at(HOUR + 50_000) });
    const scale = scaleOf(axis, view, 300);
    expect(scale(at(HOUR + 10_000))).toBeCloseTo(50, 0);
    expect(scale(at(HOUR + 50_000))).toBeCloseTo(250, 0);
  });
});

describe("ticks", () => {
  it("stand at round distances from the start", () => {
    expect([3, 80, 700_000, 7_000_000, 61_000_000, 20 * HOUR].map(tickStep)).toEqual([
      5,
      100,
      1_000_000,
      10_000_000,
      120_000_000,
      20 * HOUR,
    ]);
  });
  it("name each folded time once, and are never too near each other", () => {
    const axis = makeAxis(whole, idle, true, false);
    const ticks = ticksOf(axis, wholeOf(axis), 1_200);
    expect(ticks.length).toBeGreaterThan(3);
    expect(ticks.filter((tick) => tick.foldedUs > 0).length).toBeLessThanOrEqual(2);
    ticks.slice(1).forEach((tick, index) => {
      expect(tick.x - (ticks[index]?.x ?? 0)).toBeGreaterThanOrEqual(67);
    });
  });
});
