// @vitest-environment happy-dom
import { flushSync, mount, unmount } from "svelte";
import { expect, it } from "vitest";
import List from "./testing/List.svelte";

function newest(first: number): number[] {
  return Array.from({ length: 9 }, (_, at) => first - at);
}

it.each([1, 3, 7])("keeps the focus on its row and element when %d rows come", (come) => {
  let keys = $state.raw(newest(100));
  const page = mount(List, { target: document.body, props: { keys: () => keys } });
  flushSync();
  const row = document.querySelector<HTMLElement>('[data-index="0"]');
  row?.focus();
  expect(document.activeElement?.textContent).toBe("100");
  keys = newest(100 + come);
  flushSync();
  expect(document.activeElement).toBe(row);
  expect(row?.textContent).toBe("100");
  expect(row?.dataset["index"]).toBe(String(come));
  expect(row?.tabIndex).toBe(0);
  void unmount(page);
  document.body.replaceChildren();
});

it("draws few rows beyond its edges until somebody is in it", () => {
  const keys = Array.from({ length: 100 }, (_, at) => at);
  const page = mount(List, { target: document.body, props: { keys: () => keys, live: true } });
  flushSync();
  const drawn = (): number => document.querySelectorAll("[data-index]").length;
  const live = drawn();
  document.querySelector<HTMLElement>('[data-index="0"]')?.focus();
  flushSync();
  expect(drawn()).toBe(live + 7);
  void unmount(page);
  document.body.replaceChildren();
});
