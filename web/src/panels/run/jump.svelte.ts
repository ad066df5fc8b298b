/** Goes from a run to the next one in trouble, in the order in which they began. */
import type { TroubleQuery } from "../../generated/decode_wasm.js";
import { Channel, type Content } from "../../store/channel.js";
import type { RelayStore } from "../../store/relay.svelte.js";
import type { Direction } from "./state.svelte.js";

export class Jump extends Channel<"trouble"> {
  override readonly name = "trouble";
  readonly #store: RelayStore;
  #wanted: Direction | null = null;
  /** Told when a run was opened, so that its own first error is gone to. */
  arrived: (direction: Direction) => void = () => undefined;

  constructor(store: RelayStore) {
    super();
    this.#store = store;
  }

  to(direction: Direction): void {
    this.#wanted = direction;
  }

  override question(): TroubleQuery | null {
    const { run } = this.#store.selection;
    if (run === null || this.#wanted === null) return null;
    return { run, forward: this.#wanted === "next" };
  }

  protected override show(content: Content<"trouble">, question: TroubleQuery): void {
    const direction = this.#wanted;
    this.forget();
    if (direction === null || question.run !== this.#store.selection.run) return;
    if (content.run === "") {
      this.#store.panes.say(`No ${direction} error, here or in another run`);
      return;
    }
    this.#store.selection.openRun(content.run);
    this.#store.panes.say(`The ${direction} run with errors`);
    this.arrived(direction);
  }

  protected override clear(): void {
    this.#wanted = null;
  }
}
