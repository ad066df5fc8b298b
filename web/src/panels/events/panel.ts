/** The event list, with its filter in keys and address. */
import { FILTER_CHARS_MAX, shorten, THREAD_CHARS_MAX, tooLong } from "../../base/url.js";
import type { AddressPart } from "../../store/address.svelte.js";
import { panel, type PanelPart, type Shortcut } from "../../store/panel.js";
import type { RelayStore } from "../../store/relay.svelte.js";
import { EVENTS, focusOn, focusSoon } from "../../ui/focus.js";
import Events from "./Events.svelte";
import { EventsState } from "./state.svelte.js";

export function events(store: RelayStore): PanelPart {
  const state = new EventsState(store);
  store.ask(state, "events");
  return panel({
    name: "events",
    place: "work",
    view: "events",
    View: Events,
    state,
    keys: keys(store, state),
    address: address(store),
  });
}

function keys(store: RelayStore, state: EventsState): readonly Shortcut[] {
  return [
    {
      key: "/",
      does: "Go to the filter",
      run: () => {
        focusOn("#event-filter");
      },
    },
    {
      key: "e",
      does: "Go to the event list",
      everywhere: true,
      run: () => {
        store.view.go("events");
        focusSoon(...EVENTS);
      },
    },
    {
      key: "p",
      does: "Pause the event list, or follow it again",
      run: () => {
        state.togglePause();
      },
    },
  ];
}

function address(store: RelayStore): readonly AddressPart[] {
  const { selection } = store;
  return [
    {
      name: "filter",
      shown: "?filter=text",
      does: "show only threads and nodes that contain the text",
      step: () => "",
      read: (value) => {
        const sentence = tooLong("filter", value, FILTER_CHARS_MAX);
        selection.setText(sentence === null ? (value ?? "") : "");
        return sentence;
      },
      write: () => (selection.text.trim() === "" ? null : selection.text.trim()),
    },
    {
      name: "thread",
      shown: "?thread=id",
      does: "show only that thread",
      step: () => selection.thread ?? "",
      read: (value) => {
        const sentence = tooLong("thread", value, THREAD_CHARS_MAX);
        selection.setThread(sentence === null && value !== "" ? value : null);
        return sentence;
      },
      write: () => selection.thread,
    },
    {
      name: "types",
      shown: "?types=error,gap",
      does: "show only these types",
      step: () => selection.kinds.join(","),
      read: (value) => {
        const sentence = tooLong("types", value, FILTER_CHARS_MAX);
        const kinds = (sentence === null ? (value ?? "") : "").split(",");
        selection.setKinds(kinds.filter((kind) => kind !== ""));
        return sentence;
      },
      write: () => (selection.kinds.length === 0 ? null : selection.kinds.join(",")),
    },
    {
      name: "problems",
      shown: "?problems=1",
      does: "show only what went wrong",
      step: () => String(selection.troubleOnly),
      read: (value) => {
        selection.setTroubleOnly(value === "1");
        if (value === null || value === "0" || value === "1") return null;
        return `problems=${shorten(value)} is neither 0 nor 1; 0 is used.`;
      },
      write: () => (selection.troubleOnly ? "1" : null),
    },
  ];
}
