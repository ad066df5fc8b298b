/** What the run panel is made of. */
import type { RelayStore } from "../../store/relay.svelte.js";
import { DetailState } from "./detail.svelte.js";
import { Jump } from "./jump.svelte.js";
import { RunState } from "./state.svelte.js";

export class RunPanel {
  readonly run: RunState;
  readonly detail: DetailState;
  readonly jump: Jump;
  readonly #store: RelayStore;

  constructor(store: RelayStore) {
    this.#store = store;
    this.jump = new Jump(store);
    this.run = new RunState(store, (direction) => {
      this.jump.to(direction);
    });
    this.jump.arrived = (direction) => {
      this.run.arrive(direction);
    };
    this.detail = new DetailState(store);
  }

  /** Back to all runs. */
  close(): void {
    this.#store.selection.closeRun();
  }
}
