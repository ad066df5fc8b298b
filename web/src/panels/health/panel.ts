/** The state of relay and page in one place. */
import { panel, type PanelPart } from "../../store/panel.js";
import type { RelayStore } from "../../store/relay.svelte.js";
import Health from "./Health.svelte";

export function health(store: RelayStore): PanelPart {
  return panel({ name: "health", place: "work", view: "health", View: Health, state: store });
}
