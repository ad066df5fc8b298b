/** Mounts a part of the page over a store that has what the part reads; for tests only. */
import { flushSync, mount, unmount, type Component } from "svelte";
import InRelay from "./InRelay.svelte";

export interface Mounted {
  /** Draws what has changed since. */
  settle: () => void;
  find: (selector: string) => HTMLElement | null;
  text: (selector: string) => string;
  end: () => void;
}

export function mounted(
  view: Component<never>,
  store: Record<string, unknown>,
  props: Record<string, unknown> = {},
): Mounted {
  const target = document.createElement("main");
  document.body.append(target);
  const page = mount(InRelay, {
    target,
    props: {
      store,
      view: view,
      with: props,
    },
  });
  flushSync();
  const find = (selector: string): HTMLElement | null => target.querySelector(selector);
  return {
    settle: flushSync,
    find,
    text: (selector) => find(selector)?.textContent.replace(/\s+/gu, " ").trim() ?? "",
    end: () => {
      void unmount(page);
      target.remove();
    },
  };
}
