// @vitest-environment happy-dom
import { expect, it } from "vitest";
import type { Asking } from "../../store/channel.js";
import type { RelayStore } from "../../store/relay.svelte.js";
import { ThreadsState } from "./state.svelte.js";

/** A table that has been told of these threads, in this order. */
function told(): { table: ThreadsState; tell: (...names: string[]) => void; seen: () => string[] } {
  const table = new ThreadsState({} as unknown as RelayStore);
  let version = 0;
  const tell = (...names: string[]): void => {
    const asked: Asking = {};
    table.ask(asked);
    version += 1;
    const floats = new Float64Array(names.length);
    const thread = Uint32Array.from(names, (_, at) => at);
    const threads = {
      thread,
      node: thread,
      status: thread,
      partition: thread,
      records: floats,
      lastMs: floats,
      lastOffset: new BigUint64Array(names.length),
      errors: floats,
      newerSchema: new Uint8Array(names.length),
    };
    const content = { total: names.length, strings: names, threads, version };
    table.take({ threads: content } as never, version, false);
  };
  const seen = (): string[] =>
    Array.from({ length: table.total }, (_, at) => table.rowAt(at)?.name ?? "not known");
  return { table, tell, seen };
}

it("has a row for each place of a table that is held, whatever comes meanwhile", () => {
  const { table, tell, seen } = told();
  tell("a", "b");
  table.hold(true);
  tell("c", "a", "b");
  expect([seen(), table.count, table.held]).toEqual([["a", "b"], 3, true]);
});

it("shows what came while it was held as soon as it is let go", () => {
  const { table, tell, seen } = told();
  tell("a", "b");
  table.hold(true);
  tell("c", "a", "b");
  table.hold(false);
  expect([seen(), table.count, table.held]).toEqual([["c", "a", "b"], 3, false]);
});

it("holds nothing that is empty, and no order but that of the newest", () => {
  const { table, tell, seen } = told();
  table.hold(true);
  tell("a");
  expect(seen()).toEqual(["a"]);
  table.setSort("name");
  tell("a", "b");
  tell("a", "b", "c");
  expect(seen()).toEqual(["a", "b", "c"]);
});
