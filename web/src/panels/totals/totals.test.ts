// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import type { ConnectionView, Totals as TotalsView } from "../../generated/decode_wasm.js";
import { CONNECTION } from "../../base/testing/connection.js";
import { TOTALS } from "../../store/testing/fake_worker.js";
import { mounted } from "../../ui/testing/in_relay.js";
import Totals from "./Totals.svelte";

function shown(
  selector: string,
  totals: Partial<TotalsView>,
  connection: Partial<ConnectionView> = {},
): string {
  const view = { ...CONNECTION, ...connection };
  const store = {
    totals: { view: { ...TOTALS, ...totals }, recordRate: null, byteRate: null },
    connection: { view, phase: view.phase },
  };
  const page = mounted(Totals, store, { panel: store });
  const text = page.text(selector);
  page.end();
  return text;
}

describe("notes beside the totals", () => {
  const ROWS = "[data-testid=rows-note]";
  it("VER-02 count rows of a newer schema", () => {
    expect(shown(ROWS, {})).toBe("nothing dropped");
    expect(shown(ROWS, { newerSchema: 6 })).toBe("nothing dropped, 6 of a newer schema");
  });
  it("SEQ-01 PRO-10 count records that came again", () => {
    expect(shown(ROWS, { repeats: 1 })).toBe("nothing dropped, 1 duplicate");
  });
  it("D12 say where a figure is a bound", () => {
    const NOTE = "[data-testid=threads-note]";
    expect(shown(NOTE, { threads: 9_999 })).toBe("since this page was opened");
    expect(shown(NOTE, { threads: 10_000 })).toBe("the 10,000 most recent");
  });
  it("D8 say nothing of a relay that was never reached", () => {
    expect(shown(ROWS, {}, { topic: "", phase: "waiting" })).toBe("");
  });
});
