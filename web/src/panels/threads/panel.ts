/** The threads table. */
import { panel, type PanelPart } from "../../store/panel.js";
import type { RelayStore } from "../../store/relay.svelte.js";
import { focusOn } from "../../ui/focus.js";
import { ThreadsState } from "./state.svelte.js";
import Threads from "./Threads.svelte";

export function threads(store: RelayStore): PanelPart {
  const state = new ThreadsState(store);
  store.ask(state);
  const keys = [
    {
      key: "t",
      does: "Go to the threads",
      run: () => {
        focusOn("#threads [role=grid] [tabindex='0']", "#threads [role=grid]");
      },
    },
  ];
  return panel({ name: "threads", place: "side", View: Threads, state, keys });
}
