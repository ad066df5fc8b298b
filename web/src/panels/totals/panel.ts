/** The strip of totals. */
import { panel, type PanelPart } from "../../store/panel.js";
import type { RelayStore } from "../../store/relay.svelte.js";
import Totals from "./Totals.svelte";

export function totals(store: RelayStore): PanelPart {
  return panel({ name: "totals", place: "work", view: "health", View: Totals, state: store });
}
