/** Mounts a part of the page over a store that has what the part reads; for tests only. */
import { flushSync, mount, unmount, type Component } from "svelte";
import InRelay from "./InRelay.svelte";

export interface Mounted {
  /** The store's view becomes this one, as when the worker has answered. */
  show: (view: unknown) => void;
  find: (selector: string) => HTMLElement | null;
  text: (selector: string) => string;
  end: () => void;
}

export function mounted(
  view: Component<never>,
  store: Record<string, unknown>,
  props: Record<string, unknown> = {},
): Mounted {
  let answer = $state.raw(store["view"]);
  const held = {
    ...store,
    get view(): unknown {
      return answer;
    },
  };
  const target = document.createElement("main");
  document.body.append(target);
  const page = mount(InRelay, {
    target,
    props: {
      store: held,
      view: view,
      with: props,
    },
  });
  flushSync();
  const find = (selector: string): HTMLElement | null => target.querySelector(selector);
  return {
    show: (next) => {
      answer = next;
      flushSync();
    },
    find,
    text: (selector) => find(selector)?.textContent.replace(/\s+/gu, " ").trim() ?? "",
    end: () => {
      void unmount(page);
      target.remove();
    },
  };
}
