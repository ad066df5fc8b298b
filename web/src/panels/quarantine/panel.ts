/** Records that belong to no run, with what is wrong with them. */
import { panel, type PanelPart } from "../../store/panel.js";
import type { RelayStore } from "../../store/relay.svelte.js";
import Quarantine from "./Quarantine.svelte";
import { QuarantineState } from "./state.svelte.js";

export function quarantine(store: RelayStore): PanelPart {
  const state = new QuarantineState(store);
  store.ask(state, "health");
  return panel({ name: "quarantine", place: "work", view: "health", View: Quarantine, state });
}
