/** The single-key shortcuts of the panels and of the page, run by the window, listed by the help. */
import type { PanelPart, Shortcut } from "../store/panel.js";
import type { RelayStore } from "../store/relay.svelte.js";

/** Those that work in the view that is shown. */
export function shortcutsOf(store: RelayStore, panels: readonly PanelPart[]): readonly Shortcut[] {
  const keysOf = (panel: PanelPart): readonly Shortcut[] =>
    panel.keys.filter((key) => key.everywhere === true || isShown(panel, store));
  return [
    ...panels.flatMap(keysOf),
    {
      key: "h",
      does: "Show the health of relay and page",
      run: () => {
        store.view.go("health");
      },
    },
    {
      key: "u",
      does: "Change between local time and UTC",
      run: () => {
        store.zone.next();
        store.panes.say(`Times in ${store.zone.zoneName}`);
      },
    },
    {
      key: "d",
      does: "Change between system, light and dark theme",
      run: () => {
        store.theme.next();
      },
    },
    {
      key: "?",
      does: "Show this help",
      run: () => {
        store.panes.dialog = "help";
      },
    },
  ];
}

function isShown(panel: PanelPart, store: RelayStore): boolean {
  return panel.isOpen() && (panel.view === null || panel.view === store.view.name);
}

export function shortcut(
  event: KeyboardEvent,
  store: RelayStore,
  shortcuts: readonly Shortcut[],
  panels: readonly PanelPart[],
): void {
  if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
  if (store.panes.dialog !== "none") return;
  if (event.key === "Escape") {
    panels.some((panel) => isShown(panel, store) && panel.escape());
    return;
  }
  if (!store.panes.shortcuts || isTyping(event.target)) return;
  const found = shortcuts.find((entry) => entry.key === event.key);
  if (found === undefined) return;
  event.preventDefault();
  found.run();
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement ||
    (target instanceof HTMLInputElement && target.type !== "checkbox")
  );
}
