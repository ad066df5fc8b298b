// Puts the page together: address, worker, store, panels, views.
import { mount } from "svelte";
import App from "./app/App.svelte";
import { startEffects } from "./app/effects.svelte.js";
import { readParams, relayUrl } from "./base/url.js";
import { makePanels } from "./panels.js";
import { RelayStore } from "./store/relay.svelte.js";
import "./app.css";

const target = document.getElementById("app");
if (target === null) throw new Error("index.html has no #app");

const store = new RelayStore(
  readParams(location.search),
  relayUrl(document.baseURI, __WS_PATH__),
  () => new Worker(new URL("./worker/worker.ts", import.meta.url), { type: "module" }),
);
const panels = makePanels(store);
// The text for a page that does not start.
target.replaceChildren();
mount(App, { target, props: { store, panels } });
startEffects(store);
store.run();
