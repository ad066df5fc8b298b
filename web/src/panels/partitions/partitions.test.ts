// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { mounted } from "../../ui/testing/in_relay.js";
import Partitions from "./Partitions.svelte";

it("MET-14 shows how long received data waited, what waits and what is not acknowledged", () => {
  const connection = { unackedBytes: 2048, backlogMessages: 12, applyLagMs: 1250 };
  const store = {
    capture: { isOpen: false },
    isComplete: false,
    health: { account: null },
    connection: { view: connection },
    params: { digest: false },
  };
  const page = mounted(Partitions, store, { panel: { store, view: null } });
  const note = page.text("[data-testid=keeping-up]");
  expect(note).toMatch(/^Page delay 1,250 ms · queue 12 · 2.*KiB in flight$/);
  page.end();
});

it("issue H, 6 says nothing of a queue, of ends or of Kafka in a capture, which has none", () => {
  const store = {
    capture: { isOpen: true },
    isComplete: true,
    health: { account: null },
    connection: { view: null },
    params: { digest: false },
  };
  const page = mounted(Partitions, store, { panel: { store, view: null } });
  expect(document.querySelector("[aria-label='Partitions table']")).not.toBeNull();
  expect(document.querySelector("[data-testid=keeping-up]")).toBeNull();
  const titles = Array.from(document.querySelectorAll("thead th"), (title) => title.textContent);
  expect(titles).toEqual(["PPartition", "Next offset", "Records", "Unreadable", "Gaps"]);
  page.end();
});

it("MET-14 UX-04 shows how far the relay is behind Kafka, and a pause with its offset and reason", () => {
  const account = (partition: string, more: object): object => ({
    partition,
    lag: 0n,
    lastAnswerAgoMs: 5,
    pausedAt: null,
    pauseReason: "",
    ...more,
  });
  const partitions = [
    account("0", { lag: 1_234n }),
    account("1", { lag: null, pausedAt: "77", pauseReason: "the record cannot be used: zstd" }),
  ];
  const store = {
    capture: { isOpen: false },
    isComplete: false,
    health: { account: { partitions } },
    connection: { view: null },
    params: { digest: false },
  };
  const two = { 0: 0, 1: 1, length: 2 };
  const columns = {
    partition: Uint32Array.from(two),
    position: BigUint64Array.of(5n, 5n),
    head: BigUint64Array.of(5n, 8n),
    records: Float64Array.of(5, 5),
    rejects: Float64Array.of(0, 0),
    gaps: Float64Array.of(0, 0),
  };
  const view = { partitions: columns, digests: ["", ""] };
  const page = mounted(Partitions, store, { panel: { store, view } });
  const lags = Array.from(document.querySelectorAll("[data-testid=relay-lag]"));
  expect(lags.map((cell) => cell.textContent.trim())).toEqual(["1,234", "\u2013"]);
  expect(page.text("[data-testid=paused]")).toBe(
    "Paused at offset 77 until an operator releases it: the record cannot be used: zstd",
  );
  page.end();
});
