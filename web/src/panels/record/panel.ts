/** The open record. */
import { panel, type PanelPart } from "../../store/panel.js";
import { shorten } from "../../base/url.js";
import type { RelayStore } from "../../store/relay.svelte.js";
import type { Place } from "../../store/selection.svelte.js";
import { EVENTS, focusOn } from "../../ui/focus.js";
import Record from "./Record.svelte";
import { RecordState } from "./state.svelte.js";

/** A place in the topic as the address has it, or null. */
function placeOf(value: string): Place | null {
  const found = /^(\d{1,9}):(\d{1,19})$/u.exec(value);
  if (found === null) return null;
  return { partition: Number(found[1]), offset: found[2] ?? "" };
}

export function record(store: RelayStore): PanelPart {
  const state = new RecordState(store);
  store.ask(state);
  return panel({
    name: "record",
    place: "beside",
    View: Record,
    state,
    address: [
      {
        name: "at",
        shown: "?at=PARTITION:OFFSET",
        does: "open that record as soon as it has come",
        // From record to record Back goes back to the list, not through each of them.
        step: () => (store.selection.place === null ? "" : "open"),
        read: (value) => {
          const place = value === null ? null : placeOf(value);
          if (place === null) store.selection.close();
          else store.selection.openPlace(place);
          if (value === null || place !== null) return null;
          return `at=${shorten(value)} is not PARTITION:OFFSET and is not used.`;
        },
        write: () => {
          const { place } = store.selection;
          return place === null ? null : `${place.partition}:${place.offset}`;
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
