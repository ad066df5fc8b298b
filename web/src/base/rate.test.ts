import { describe, expect, it } from "vitest";
import { RateMeter } from "./rate.js";
import { RestartBudget } from "./restarts.js";

describe("RateMeter", () => {
  it("TIM-06 is unknown until enough time has been seen", () => {
    const meter = new RateMeter();
    expect(meter.perSecond()).toBeNull();
    meter.add(0, 0);
    meter.add(399, 1000);
    expect(meter.perSecond()).toBeNull();
    meter.add(500, 1000);
    expect(meter.perSecond()).toBe(2000);
  });
  it("MET-15 forgets what is older than its window, by the clock of the readings", () => {
    const meter = new RateMeter(1000);
    for (let ms = 0; ms <= 2000; ms += 100) meter.add(ms, ms < 1000 ? ms * 10 : 10_000);
    expect(meter.perSecond()).toBe(0);
  });
  it("TIM-06 starts anew when the counter falls", () => {
    const meter = new RateMeter();
    meter.add(0, 5000);
    meter.add(1000, 9000);
    meter.add(1010, 0);
    expect(meter.perSecond()).toBeNull();
    meter.add(2010, 100);
    expect(meter.perSecond()).toBe(100);
  });
  it("BND-01 keeps a bounded number of readings", () => {
    const meter = new RateMeter(1000, 0);
    for (let ms = 0; ms < 100_000; ms += 1) meter.add(ms, ms);
    expect(meter.samples).toBeLessThanOrEqual(21);
    expect(meter.perSecond()).toBeCloseTo(1000, 6);
  });
});

describe("RestartBudget", () => {
  it("gives so many restarts a window, and more when it has passed", () => {
    const budget = new RestartBudget(2, 1000);
    expect([budget.take(0), budget.take(10), budget.take(20)]).toEqual([true, true, false]);
    expect(budget.take(1005)).toBe(true);
    expect(budget.take(1006)).toBe(false);
  });
});
