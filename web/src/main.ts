// Puts the page together: address, worker, store, view.
import { mount } from "svelte";
import { readParams, relayUrl } from "./base/url.js";
import { RelayStore } from "./store/relay.svelte.js";
import App from "./view/App.svelte";
import "./app.css";

const target = document.getElementById("app");
if (target === null) throw new Error("index.html has no #app");

const store = new RelayStore(
  readParams(location.search),
  relayUrl(document.baseURI, __WS_PATH__),
  () => new Worker(new URL("./worker/worker.ts", import.meta.url), { type: "module" }),
);
mount(App, { target, props: { store } });
store.run();
