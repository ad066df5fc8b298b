/** The registry: the page's panels, in the order in which they stand. */
import { events } from "./panels/events/panel.js";
import { health } from "./panels/health/panel.js";
import { hops } from "./panels/hops/panel.js";
import { partitions } from "./panels/partitions/panel.js";
import { quarantine } from "./panels/quarantine/panel.js";
import { record } from "./panels/record/panel.js";
import { run } from "./panels/run/panel.js";
import { runs } from "./panels/runs/panel.js";
import { threads } from "./panels/threads/panel.js";
import { totals } from "./panels/totals/panel.js";
import type { PanelPart } from "./store/panel.js";
import type { RelayStore } from "./store/relay.svelte.js";
import { runAddress } from "./store/run_address.js";

const PANELS: readonly ((store: RelayStore) => PanelPart)[] = [
  hops,
  runs,
  threads,
  events,
  totals,
  health,
  partitions,
  quarantine,
  record,
  run,
];

/** Makes the panels; what the address says of them is then in force. */
export function makePanels(store: RelayStore): readonly PanelPart[] {
  const panels = PANELS.map((make) => make(store));
  runAddress(store.selection).forEach((part) => {
    store.address.add(part);
  });
  for (const panel of panels)
    panel.address.forEach((part) => {
      store.address.add(part);
    });
  store.address.read();
  return panels;
}
