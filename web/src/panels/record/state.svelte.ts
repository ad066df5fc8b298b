/** The record that is open. */
import type { RecordQuery, RecordView } from "../../generated/decode_wasm.js";
import { Channel, type Content } from "../../store/channel.js";
import type { RelayStore } from "../../store/relay.svelte.js";

export type RecordTab = "decoded" | "bytes";

export class RecordState extends Channel<"record"> {
  override readonly name = "record";
  readonly store: RelayStore;
  tab = $state<RecordTab>("decoded");
  #view = $state.raw<RecordView | null>(null);

  /** The record that is open, or null until it has come. */
  readonly view = $derived.by(() =>
    this.#view?.row === this.store.selection.row ? this.#view : null,
  );

  constructor(store: RelayStore) {
    super();
    this.store = store;
  }

  override question(): RecordQuery | null {
    const { row, place } = this.store.selection;
    if (row === null && place === null) return null;
    // A row's question must not change with where the page has learned that it is.
    return row === null
      ? { row, partition: place?.partition ?? 0, offset: place?.offset ?? "" }
      : { row, partition: 0, offset: "" };
  }

  protected override show(content: Content<"record">, question: RecordQuery): void {
    this.#view = content;
    const { selection } = this.store;
    // The record of a place has come; from now on its row is known.
    if (question.row === null && selection.row === null && content.row >= 0) {
      selection.open(content.row, selection.place);
    }
  }

  protected override clear(): void {
    this.#view = null;
  }

  close(): void {
    this.store.selection.close();
  }
}
