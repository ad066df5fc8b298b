/** What follows from the store's state outside of any view: the address, what is announced, waking up. */
import { phaseText } from "../base/phase.js";
import type { RelayStore } from "../store/relay.svelte.js";

/** A phase is announced only if it lasts; a flapping connection must not talk without end. */
const SPEAK_AFTER_MS = 600;
/** A clock that jumps this far between two looks stood still: the machine slept. */
const SLEPT_MS = 5_000;
const LOOK_MS = 1_000;

/** Runs for as long as the page does; what it returns ends it. */
export function startEffects(store: RelayStore): () => void {
  return $effect.root(() => {
    $effect(() => store.address.keep());
    $effect(() => speakPhase(store));
    $effect(() => wakeOnReturn(store));
    $effect(() => readOnBack(store));
  });
}

/** The phase is a value of its own: an answer of the worker that leaves it as it was starts nothing over. */
function speakPhase(store: RelayStore): () => void {
  const { phase, signIn } = store.connection;
  const { words } = phaseText(phase, signIn);
  const timer = setTimeout(() => {
    store.panes.say(`Connection: ${words}`);
  }, SPEAK_AFTER_MS);
  return () => {
    clearTimeout(timer);
  };
}

function readOnBack(store: RelayStore): () => void {
  const read = (): void => {
    store.address.read();
  };
  addEventListener("popstate", read);
  return () => {
    removeEventListener("popstate", read);
  };
}

/** The worker sees none of these: its connection may be dead, or another attempt succeed. */
function wakeOnReturn(store: RelayStore): () => void {
  const wake = (): void => {
    store.wake();
  };
  const shown = (): void => {
    if (document.visibilityState === "visible") store.wake();
  };
  let lookedMs = Date.now();
  const look = setInterval(() => {
    const nowMs = Date.now();
    if (nowMs - lookedMs > SLEPT_MS) store.wake();
    lookedMs = nowMs;
  }, LOOK_MS);
  const events = ["online", "pageshow"] as const;
  for (const event of events) addEventListener(event, wake);
  document.addEventListener("visibilitychange", shown);
  document.addEventListener("resume", wake);
  return () => {
    clearInterval(look);
    for (const event of events) removeEventListener(event, wake);
    document.removeEventListener("visibilitychange", shown);
    document.removeEventListener("resume", wake);
  };
}
