/** The strip of hops between the producers and this page. */
import { panel, type PanelPart } from "../../store/panel.js";
import type { RelayStore } from "../../store/relay.svelte.js";
import Hops from "./Hops.svelte";

export function hops(store: RelayStore): PanelPart {
  return panel({
    name: "hops",
    place: "strip",
    View: Hops,
    state: store.health,
    // A capture came no such way.
    isOpen: () => !store.capture.isOpen,
  });
}
