// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { mounted } from "../../ui/testing/in_relay.js";
import Partitions from "./Partitions.svelte";

it("MET-14 shows how long received data waited, what waits and what is not acknowledged", () => {
  const connection = { unackedBytes: 2048, backlogFrames: 12, applyLagMs: 1250 };
  const store = { connection: { view: connection }, params: { digest: false } };
  const page = mounted(Partitions, store, { panel: { store, view: null } });
  const note = page.text("[data-testid=keeping-up]");
  expect(note).toMatch(/^Page delay 1,250 ms · queue 12 · 2.*KiB in flight$/);
  page.end();
});
