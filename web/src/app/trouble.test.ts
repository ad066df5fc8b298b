// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import type { Totals as TotalsView } from "../generated/decode_wasm.js";
import { CONNECTION } from "../base/testing/connection.js";
import { NAMES, TOTALS } from "../store/testing/fake_worker.js";
import { mounted } from "../ui/testing/in_relay.js";
import Banners from "./Banners.svelte";

function storeOf(totals: Partial<TotalsView>): Record<string, unknown> {
  return {
    worker: { names: NAMES, failure: null },
    params: { ignored: [] },
    address: { ignored: [] },
    connection: { view: CONNECTION },
    totals: { view: { ...TOTALS, ...totals } },
  };
}

describe("VER-02 a newer schema", () => {
  const NOTICE = "[data-testid=newer-schema]";
  const notice = (totals: Partial<TotalsView>): string => {
    const page = mounted(Banners, storeOf(totals));
    const text = page.text(NOTICE);
    page.end();
    return text;
  };

  it("is announced while a thread sends it", () => {
    expect(notice({})).toBe("");
    expect(notice({ newerSchema: 5, newerThreads: 2 })).toMatch(
      /^2 threads use a newer message format than this page\. .*schema 1\..*5 rows/,
    );
    expect(notice({ newerSchema: 6, newerThreads: 0 })).toBe("");
    expect(notice({ newerSchema: 7, newerThreads: 1 })).toMatch(/^1 thread uses/);
  });
  it("D16 can be dismissed, and leads to the rows", () => {
    let problemsOnly = false;
    let view = "";
    const store = {
      ...storeOf({ newerThreads: 1 }),
      view: {
        go: (name: string) => {
          view = name;
        },
      },
      selection: {
        setTroubleOnly: (on: boolean) => {
          problemsOnly = on;
        },
      },
    };
    const page = mounted(Banners, store);
    const buttons = Array.from(page.find(NOTICE)?.querySelectorAll("button") ?? []);
    buttons.find((button) => button.textContent === "Show them")?.click();
    expect([problemsOnly, view]).toEqual([true, "events"]);
    buttons.find((button) => button.textContent === "Dismiss")?.click();
    page.settle();
    expect(page.find(NOTICE)).toBeNull();
    page.end();
  });
});

it("D22 shows each unusable part of the address on its own line", () => {
  const store = {
    ...storeOf({}),
    params: { ignored: ["from=x is not valid."] },
    address: { ignored: ["filter= is longer than 200 characters and is not used."] },
  };
  const page = mounted(Banners, store);
  const lines = Array.from(page.find(".banner")?.querySelectorAll("p") ?? [], (p) => p.textContent);
  expect(lines).toEqual([
    "from=x is not valid.",
    "filter= is longer than 200 characters and is not used.",
  ]);
  page.end();
});
