// @vitest-environment happy-dom
import { flushSync, mount, unmount } from "svelte";
import { expect, it } from "vitest";
import type { RelayStore } from "../store/relay.svelte.js";
import PartitionsOf from "./testing/PartitionsOf.svelte";

it("MET-14 shows how long received data waited, what waits and what is not acknowledged", () => {
  const connection = { unackedBytes: 2048, backlogFrames: 12, applyLagMs: 1250 };
  const store = { view: { connection, partitions: null }, params: { digest: false } };
  const props = { store: store as unknown as RelayStore };
  const page = mount(PartitionsOf, { target: document.body, props });
  flushSync();
  const note = document.querySelector("[data-testid=keeping-up]")?.textContent;
  expect(note).toMatch(/^applied within 1,250 ms, 12 waiting, 2.*KiB not yet acknowledged$/);
  void unmount(page);
});
