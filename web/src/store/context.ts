/** How a view reaches the store. */
import { createContext } from "svelte";
import type { RelayStore } from "./relay.svelte.js";

const [read, write] = createContext<RelayStore>();

export { read as useRelay, write as provideRelay };
