/** Where the page stands in each partition. */
import type { PartitionsQuery, PartitionsView } from "../../generated/decode_wasm.js";
import { Channel } from "../../store/channel.js";
import type { RelayStore } from "../../store/relay.svelte.js";

export class PartitionsState extends Channel<"partitions"> {
  override readonly name = "partitions";
  readonly store: RelayStore;
  view = $state.raw<PartitionsView | null>(null);

  constructor(store: RelayStore) {
    super();
    this.store = store;
  }

  override question(): PartitionsQuery {
    return {};
  }

  protected override show(view: PartitionsView): void {
    this.view = view;
  }

  protected override clear(): void {
    this.view = null;
  }
}
