/** What follows from the store's state outside of any view: queries, the address, what is said. */
import { phaseText } from "../base/phase.js";
import { writeParams } from "../base/url.js";
import type { RelayStore } from "./relay.svelte.js";

/** Browsers refuse an address that is rewritten for every key stroke. */
const ADDRESS_PAUSE_MS = 400;
/** A phase is said only if it lasts; a flapping connection must not talk without end. */
const SPEAK_AFTER_MS = 600;

/** Runs for as long as the page does. */
export function startEffects(store: RelayStore): void {
  $effect.root(() => {
    $effect(() => {
      touchOnChange(store);
    });
    $effect(() => keepAddress(store));
    $effect(() => speakPhase(store));
    $effect(() => wakeOnReturn(store));
  });
}

/** Each of these changes what the next query asks for. */
function touchOnChange(store: RelayStore): void {
  const { events, threads } = store;
  const watched = [events.range, events.frozenAt, events.filter, threads.range, threads.sort];
  if (watched.length > 0) store.touch();
}

function keepAddress(store: RelayStore): () => void {
  const { filter } = store.events;
  const { text, thread } = filter;
  const timer = setTimeout(() => {
    const search = writeParams(location.search, text, thread);
    if (search !== location.search) {
      history.replaceState(history.state, "", `${location.pathname}${search}${location.hash}`);
    }
  }, ADDRESS_PAUSE_MS);
  return () => {
    clearTimeout(timer);
  };
}

function speakPhase(store: RelayStore): () => void {
  const phase = store.view?.connection.phase ?? "idle";
  const timer = setTimeout(() => {
    store.panes.say(`Connection: ${phaseText(phase).words}`);
  }, SPEAK_AFTER_MS);
  return () => {
    clearTimeout(timer);
  };
}

/** The worker sees neither of these, so the page tells it that another attempt may succeed now. */
function wakeOnReturn(store: RelayStore): () => void {
  const online = (): void => {
    store.wake();
  };
  const shown = (): void => {
    if (document.visibilityState === "visible") store.wake();
  };
  addEventListener("online", online);
  document.addEventListener("visibilitychange", shown);
  return () => {
    removeEventListener("online", online);
    document.removeEventListener("visibilitychange", shown);
  };
}
