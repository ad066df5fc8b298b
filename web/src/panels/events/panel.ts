/** The event list, with its filter in keys and address. */
import { FILTER_CHARS_MAX, shorten, THREAD_CHARS_MAX, tooLong } from "../../base/url.js";
import type { AddressPart } from "../../store/address.svelte.js";
import { panel, type PanelPart, type Shortcut } from "../../store/panel.js";
import type { RelayStore } from "../../store/relay.svelte.js";
import { EVENTS, focusOn, focusSoon } from "../../ui/focus.js";
import Events from "./Events.svelte";
import type { Selection } from "../../store/selection.svelte.js";
import { EventsState, ORDERS, type Order } from "./state.svelte.js";

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
    address: address(store, state),
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
      key: "g",
      does: "Go to an offset or a time",
      run: () => {
        focusOn("#event-jump");
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

function address(store: RelayStore, state: EventsState): readonly AddressPart[] {
  const { selection } = store;
  return [...names(selection), ...kinds(selection), ...around(selection, state)];
}

function names(selection: Selection): readonly AddressPart[] {
  return [
    {
      name: "filter",
      shown: "?filter=text",
      does: "show only rows whose thread, node, type or summary contains the text",
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
      name: "node",
      shown: "?node=name",
      does: "show only that node",
      step: () => selection.node ?? "",
      read: (value) => {
        const sentence = tooLong("node", value, THREAD_CHARS_MAX);
        selection.setNode(sentence === null && value !== "" ? value : null);
        return sentence;
      },
      write: () => selection.node,
    },
  ];
}

function kinds(selection: Selection): readonly AddressPart[] {
  return [
    {
      name: "types",
      shown: "?types=error,NODE_START",
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

const WITHIN = /^(\d{1,9}:\d{1,19}:\d{1,9})(?::(\d{1,9}))?$/u;

function around(selection: Selection, state: EventsState): readonly AddressPart[] {
  return [
    {
      name: "within",
      shown: "?within=PARTITION:OFFSET:INDEX[:ATTEMPT]",
      does: "show only the events of that run, or of that attempt of it",
      step: () => JSON.stringify(selection.within),
      read: (value) => {
        const found = WITHIN.exec(value ?? "");
        const attempt = found?.[2] === undefined ? null : Number(found[2]);
        selection.setWithin(found === null ? null : { run: found[1] ?? "", attempt });
        if (value === null || found !== null) return null;
        return `within=${shorten(value)} is not PARTITION:OFFSET:INDEX[:ATTEMPT] and is not used.`;
      },
      write: () => {
        const { within } = selection;
        if (within === null) return null;
        return within.attempt === null ? within.run : `${within.run}:${within.attempt}`;
      },
    },
    {
      name: "order",
      shown: "?order=oldest",
      does: `in which order: ${Object.keys(ORDERS).join(", ")}`,
      step: () => "",
      read: (value) => {
        const known = (Object.keys(ORDERS) as Order[]).find((order) => order === value);
        state.order = known ?? "newest";
        if (value === null || known !== undefined) return null;
        return `order=${shorten(value)} is not one of ${Object.keys(ORDERS).join(", ")}; newest is used.`;
      },
      write: () => (state.order === "newest" ? null : state.order),
    },
  ];
}
