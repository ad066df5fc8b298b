/** The page's single-key shortcuts: one table, run by the window and listed by the help. */
import type { RelayStore } from "../store/relay.svelte.js";

interface Shortcut {
  readonly key: string;
  readonly does: string;
  readonly run: (store: RelayStore) => void;
}

/** The list's tab stop: a row, or the list itself while no row can take the focus. */
export const EVENTS = ["#events [role=grid] [tabindex='0']", "#events [role=grid]"] as const;
const THREADS = ["#threads [role=grid] [tabindex='0']", "#threads [role=grid]"] as const;

export const SHORTCUTS: readonly Shortcut[] = [
  {
    key: "/",
    does: "Go to the filter",
    run: () => {
      focusOn("#event-filter");
    },
  },
  {
    key: "e",
    does: "Go to the event list",
    run: () => {
      focusOn(...EVENTS);
    },
  },
  {
    key: "t",
    does: "Go to the threads",
    run: () => {
      focusOn(...THREADS);
    },
  },
  {
    key: "p",
    does: "Pause the event list, or follow it again",
    run: (store) => {
      store.events.togglePause();
    },
  },
  {
    key: "d",
    does: "Change between system, light and dark theme",
    run: (store) => {
      store.theme.next();
    },
  },
  {
    key: "?",
    does: "Show this help",
    run: (store) => {
      store.panes.dialog = "help";
    },
  },
];

export function shortcut(event: KeyboardEvent, store: RelayStore): void {
  if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "Escape") {
    if (store.events.selected !== null && store.panes.dialog === "none") {
      store.closeDetail();
      focusOn(...EVENTS);
    }
    return;
  }
  if (!store.panes.shortcuts || store.panes.dialog !== "none" || isTyping(event.target)) return;
  const found = SHORTCUTS.find((entry) => entry.key === event.key);
  if (found === undefined) return;
  event.preventDefault();
  found.run(store);
}

/** Focuses the first selector that finds an element. */
export function focusOn(...selectors: readonly string[]): void {
  for (const selector of selectors) {
    const element = document.querySelector<HTMLElement>(selector);
    if (element !== null) {
      element.focus();
      return;
    }
  }
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement ||
    (target instanceof HTMLInputElement && target.type !== "checkbox")
  );
}
