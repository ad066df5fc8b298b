/** One opened run, with the keys that people know from trace viewers. */
import { panel, type PanelPart, type Shortcut } from "../../store/panel.js";
import type { RelayStore } from "../../store/relay.svelte.js";
import { RunPanel } from "./panel_state.js";
import Run from "./Run.svelte";
import type { RunState } from "./state.svelte.js";

export function run(store: RelayStore): PanelPart {
  const state = new RunPanel(store);
  for (const line of [state.run, state.detail, state.jump]) store.ask(line, "runs");
  return panel({
    name: "run",
    place: "work",
    view: "runs",
    View: Run,
    state,
    isOpen: () => store.selection.run !== null,
    keys: keys(state.run),
    escape: () => {
      if (store.selection.run === null) return false;
      state.close();
      return true;
    },
  });
}

const ZOOM = 0.6;
const PAN = 0.25;

function keys(run: RunState): readonly Shortcut[] {
  const shortcut = (key: string, does: string, act: () => void): Shortcut => ({
    key,
    does,
    run: act,
  });
  return [
    shortcut("w", "Zoom in", () => {
      run.zoom(ZOOM);
    }),
    shortcut("s", "Zoom out", () => {
      run.zoom(1 / ZOOM);
    }),
    shortcut("a", "Pan to earlier", () => {
      run.pan(-PAN);
    }),
    shortcut("d", "Pan to later", () => {
      run.pan(PAN);
    }),
    shortcut("f", "Fit the whole run", () => {
      run.fit();
    }),
    shortcut("z", "Zoom to the selected line", () => {
      run.zoomToSelected();
    }),
    shortcut("i", "Fold idle time, or unfold it", () => {
      run.foldsIdle = !run.foldsIdle;
    }),
    shortcut("]", "Go to the next error, then to the next run with one", () => {
      run.step("next");
    }),
    shortcut("[", "Go to the previous error, then to the previous run with one", () => {
      run.step("previous");
    }),
  ];
}
