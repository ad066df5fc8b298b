/** The open record. */
import { panel, type PanelPart } from "../../store/panel.js";
import { shorten } from "../../base/url.js";
import type { RelayStore } from "../../store/relay.svelte.js";
import { placeOf, placeText } from "../../store/selection.svelte.js";
import { EVENTS, focusOn } from "../../ui/focus.js";
import Record from "./Record.svelte";
import { RecordState } from "./state.svelte.js";

export function record(store: RelayStore): PanelPart {
  const state = new RecordState(store);
  for (const line of [state, state.message, state.value, state.bytes]) store.ask(line);
  return panel({
    name: "record",
    place: "beside",
    View: Record,
    state,
    address: [
      {
        name: "at",
        shown: "?at=PARTITION:OFFSET[:INDEX]",
        does: "open that record as soon as it has come",
        // From record to record Back goes back to the list, not through each of them.
        step: () => (store.selection.place === null ? "" : "open"),
        read: (value) => {
          const place = value === null ? null : placeOf(value);
          if (place === null) store.selection.close();
          else if (store.selection.openPlace(place)) store.selection.goTo(place, true);
          if (value === null || place !== null) return null;
          return `at=${shorten(value)} is not PARTITION:OFFSET or PARTITION:OFFSET:INDEX and is not used.`;
        },
        write: () => {
          const { place } = store.selection;
          return place === null ? null : placeText(place);
        },
      },
    ],
    isOpen: () => store.selection.isOpen,
    escape: () => {
      if (!store.selection.isOpen) return false;
      state.close();
      focusOn(...EVENTS);
      return true;
    },
  });
}
