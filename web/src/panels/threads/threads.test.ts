// @vitest-environment happy-dom
import { expect, it } from "vitest";
import type { Asking } from "../../store/channel.js";
import type { RelayStore } from "../../store/relay.svelte.js";
import { ThreadsState } from "./state.svelte.js";

interface Told {
  readonly table: ThreadsState;
  /** Threads in this order, each with that many records. */
  readonly tell: (names: readonly string[], records?: number) => void;
  readonly seen: () => string[];
}

function told(): Told {
  const table = new ThreadsState({} as unknown as RelayStore);
  let version = 0;
  const tell = (all: readonly string[], records = 1): void => {
    const asked: Asking = {};
    table.ask(asked);
    version += 1;
    const names = all.slice(table.range.first, table.range.first + table.range.count);
    const thread = Uint32Array.from(names, (_, at) => at);
    const counts = Float64Array.from(names, () => records);
    const threads = {
      thread,
      node: thread,
      status: thread,
      partition: thread,
      records: counts,
      lastMs: counts,
      lastOffset: new BigUint64Array(names.length),
      errors: counts,
      newerSchema: new Uint8Array(names.length),
    };
    const content = { total: all.length, strings: names, threads, version };
    table.take({ threads: content } as never, version, false);
  };
  const seen = (): string[] =>
    Array.from({ length: table.total }, (_, at) => {
      const row = table.rowAt(at);
      return row === null ? "not known" : `${row.name} ${row.records}`;
    });
  return { table, tell, seen };
}

it("keeps its rows in their places while it is held, and shows what is new of them", () => {
  const { table, tell, seen } = told();
  tell(["a", "b"]);
  table.hold(true);
  tell(["c", "b", "a"], 2);
  expect([seen(), table.held]).toEqual([["a 2", "b 2", "c 2"], true]);
});

it("is whole while it is held: it begins with one row, or its window is enlarged", () => {
  const { table, tell, seen } = told();
  table.range = { first: 0, count: 2 };
  table.hold(true);
  tell(["a"]);
  tell(["d", "c", "b", "a"]);
  expect(seen()).toEqual(["a 1", "d 1", "not known", "not known"]);
  table.range = { first: 0, count: 4 };
  tell(["d", "c", "b", "a"]);
  expect(seen()).toEqual(["a 1", "d 1", "c 1", "b 1"]);
});

it("shows the newest order as soon as it is released", () => {
  const { table, tell, seen } = told();
  tell(["a", "b"]);
  table.hold(true);
  tell(["c", "b", "a"]);
  table.hold(false);
  expect([seen(), table.held]).toEqual([["c 1", "b 1", "a 1"], false]);
});

it("holds no order but that of the newest", () => {
  const { table, tell, seen } = told();
  table.hold(true);
  table.setSort("name");
  tell(["a", "b"]);
  tell(["0", "a", "b"]);
  expect(seen()).toEqual(["0 1", "a 1", "b 1"]);
});
