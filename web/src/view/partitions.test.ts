// @vitest-environment happy-dom
import { expect, it } from "vitest";
import Partitions from "./Partitions.svelte";
import { mounted } from "./testing/in_relay.svelte.js";

const params = { digest: false };

it("MET-14 shows how long received data waited, what waits and what is not acknowledged", () => {
  const connection = { unackedBytes: 2048, backlogFrames: 12, applyLagMs: 1250 };
  const page = mounted(Partitions, { view: { connection, partitions: null }, params });
  const note = page.text("[data-testid=keeping-up]");
  expect(note).toMatch(/^applied within 1,250 ms, 12 waiting, 2.*KiB not yet acknowledged$/);
  page.end();
});
