/** The threads table. */
import { panel, type PanelPart } from "../../store/panel.js";
import type { RelayStore } from "../../store/relay.svelte.js";
import { focusSoon } from "../../ui/focus.js";
import { ThreadsState } from "./state.svelte.js";
import Threads from "./Threads.svelte";

export function threads(store: RelayStore): PanelPart {
  const state = new ThreadsState(store);
  store.ask(state, "events");
  const keys = [
    {
      key: "t",
      does: "Go to the threads",
      everywhere: true,
      run: () => {
        store.view.go("events");
        focusSoon("#threads [role=grid] [tabindex='0']", "#threads [role=grid]");
      },
    },
  ];
  return panel({ name: "threads", place: "side", view: "events", View: Threads, state, keys });
}
