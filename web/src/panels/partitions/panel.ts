/** The partitions table. */
import { panel, type PanelPart } from "../../store/panel.js";
import type { RelayStore } from "../../store/relay.svelte.js";
import Partitions from "./Partitions.svelte";
import { PartitionsState } from "./state.svelte.js";

export function partitions(store: RelayStore): PanelPart {
  const state = new PartitionsState(store);
  store.ask(state, "health");
  return panel({ name: "partitions", place: "work", view: "health", View: Partitions, state });
}
