// Puts the page together: address, worker, store, panels, views.
import { mount } from "svelte";
import App from "./app/App.svelte";
import { startEffects } from "./app/effects.svelte.js";
import { readParams, relayUrl } from "./base/url.js";
import moduleUrl from "./generated/decode_wasm_bg.wasm?url";
import { makePanels } from "./panels.js";
import { RelayStore } from "./store/relay.svelte.js";
import "./app.css";

const target = document.getElementById("app");
if (target === null) throw new Error("index.html has no #app");

// Fetched and compiled here, while the worker's own script still loads, and kept for a worker that must
// start again.
const compiled = WebAssembly.compileStreaming(fetch(moduleUrl));

/** A worker that gets the module, or null where it has to try by itself and tell what is wrong. */
function makeWorker(): Worker {
  const worker = new Worker(new URL("./worker/worker.ts", import.meta.url), { type: "module" });
  const give = (module: WebAssembly.Module | null): void => {
    worker.postMessage(module);
  };
  compiled.then(give, () => {
    give(null);
  });
  return worker;
}

const store = new RelayStore(
  readParams(location.search),
  relayUrl(document.baseURI, __WS_PATH__),
  makeWorker,
);
const panels = makePanels(store);
store.run();
// In a task of its own, so that the browser may do something else between this and the code above.
setTimeout(() => {
  // The text for a page that does not start.
  target.replaceChildren();
  mount(App, { target, props: { store, panels } });
  startEffects(store);
}, 0);
