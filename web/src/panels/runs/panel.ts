/** The list of runs, with its filter and order in keys and address. */
import type { RunGroup, RunOrder } from "../../generated/decode_wasm.js";
import { FILTER_CHARS_MAX, shorten, tooLong } from "../../base/url.js";
import type { AddressPart } from "../../store/address.svelte.js";
import { panel, type PanelPart, type Shortcut } from "../../store/panel.js";
import type { RelayStore } from "../../store/relay.svelte.js";
import { focusOn, focusSoon } from "../../ui/focus.js";
import Runs from "./Runs.svelte";
import { PINS_MAX, RunsState } from "./state.svelte.js";

const GROUPS: readonly RunGroup[] = ["failed", "stuck", "waiting", "lossy", "running"];
const ORDERS: readonly RunOrder[] = [
  "started",
  "heard",
  "duration",
  "tokens",
  "cost",
  "errors",
  "missing",
  "thread",
];
const LIST = ["#runs [role=grid] [tabindex='0']", "#runs [role=grid]"] as const;

export function runs(store: RelayStore): PanelPart {
  const state = new RunsState(store);
  store.ask(state, "runs");
  return panel({
    name: "runs",
    place: "work",
    view: "runs",
    View: Runs,
    state,
    isOpen: () => store.selection.run === null,
    keys: keys(store, state),
    address: address(state),
  });
}

function keys(store: RelayStore, state: RunsState): readonly Shortcut[] {
  return [
    {
      key: "r",
      does: "Go to the list of runs",
      everywhere: true,
      run: () => {
        store.selection.closeRun();
        store.view.go("runs");
        focusSoon(...LIST);
      },
    },
    {
      key: "/",
      does: "Go to the search",
      run: () => {
        focusOn("#run-search");
      },
    },
    {
      key: "f",
      does: "Show only failed runs, or all again",
      run: () => {
        state.toggleGroup("failed");
        focusOn(...LIST);
      },
    },
    {
      key: "n",
      does: "Show the newest runs",
      run: () => {
        state.restart();
      },
    },
    {
      key: "x",
      does: "Pin the run in the line, or no longer",
      run: () => {
        const at = document.activeElement?.closest<HTMLElement>("#runs [data-index]") ?? null;
        if (at !== null) state.togglePin(Number(at.dataset["index"]));
      },
    },
  ];
}

function address(state: RunsState): readonly AddressPart[] {
  return [
    {
      name: "runs",
      shown: "?runs=failed,lossy",
      does: `show only runs that are ${GROUPS.join(", ")}`,
      step: () => state.groups.join(","),
      read: (value) => {
        const names = value === null || value === "" ? [] : value.split(",");
        const known = GROUPS.filter((group) => names.includes(group));
        state.setGroups(known);
        if (known.length === names.length) return null;
        return `runs=${shorten(value ?? "")} names something other than ${GROUPS.join(", ")}.`;
      },
      write: () => (state.groups.length === 0 ? null : state.groups.join(",")),
    },
    {
      name: "search",
      shown: "?search=text",
      does: "show only runs whose thread, graph, node or error contains the text",
      step: () => "",
      read: (value) => {
        const sentence = tooLong("search", value, FILTER_CHARS_MAX);
        state.setText(sentence === null ? (value ?? "") : "");
        return sentence;
      },
      write: () => (state.text.trim() === "" ? null : state.text.trim()),
    },
    {
      name: "sort",
      shown: "?sort=duration",
      does: `order of the runs: ${ORDERS.join(", ")}; with a - before it turned round`,
      step: () => `${state.sort} ${state.ascending}`,
      read: (value) => {
        const name = value?.replace(/^-/u, "") ?? "started";
        const known = ORDERS.find((order) => order === name);
        state.setSort(known ?? "started", known !== undefined && value?.startsWith("-") === true);
        if (known !== undefined) return null;
        return `sort=${shorten(value ?? "")} is not one of ${ORDERS.join(", ")}; started is used.`;
      },
      write: () => {
        const order = `${state.ascending ? "-" : ""}${state.sort}`;
        return order === "started" ? null : order;
      },
    },
    {
      name: "pins",
      shown: "?pins=PARTITION:OFFSET:INDEX",
      does: "pin these runs to the top, with commas between them",
      step: () => "",
      read: (value) => {
        const ids = value === null || value === "" ? [] : value.split(",");
        const good = ids.filter((id) => /^\d{1,9}:\d{1,19}:\d{1,9}$/u.test(id));
        state.pins = [...new Set(good)].slice(0, PINS_MAX);
        if (state.pins.length === ids.length) return null;
        return `pins=${shorten(value ?? "")} is not up to ${PINS_MAX} addresses PARTITION:OFFSET:INDEX.`;
      },
      write: () => (state.pins.length === 0 ? null : state.pins.join(",")),
    },
  ];
}
