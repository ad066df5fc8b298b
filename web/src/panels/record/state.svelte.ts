/** The record that is open: what is known of it, and which of its sides is shown. */
import type { RecordQuery, RecordView } from "../../generated/decode_wasm.js";
import { Channel, type Content } from "../../store/channel.js";
import type { RelayStore } from "../../store/relay.svelte.js";
import { placeText } from "../../store/selection.svelte.js";
import type { Taken, Wanted } from "../../store/takes.js";
import { BytesState } from "./bytes.svelte.js";
import { MessageState } from "./message.svelte.js";
import type { OpenRecord, RecordTab } from "./open.js";
import { ValueState } from "./value.svelte.js";

export class RecordState extends Channel<"record"> implements OpenRecord {
  override readonly name = "record";
  readonly store: RelayStore;
  readonly message: MessageState;
  readonly value: ValueState;
  readonly bytes: BytesState;
  tab = $state<RecordTab>("decoded");
  /** Of a batch the whole record, not the row's event alone. */
  whole = $state(false);
  /** Of the partition of a record that is looked for, the first offset that is held; or empty. */
  firstHeld = $state("");
  #view = $state.raw<RecordView | null>(null);

  /** The record that is open, or null until it has come. */
  readonly view = $derived.by(() =>
    this.#view?.row === this.store.selection.row ? this.#view : null,
  );

  constructor(store: RelayStore) {
    super();
    this.store = store;
    this.message = new MessageState(this);
    this.value = new ValueState(this, this.message);
    this.bytes = new BytesState(this);
  }

  /** The row whose message and bytes can be asked for, or null. */
  get row(): number | null {
    return this.view?.held === true ? this.view.row : null;
  }

  override question(): RecordQuery | null {
    const { row, place } = this.store.selection;
    if (row === null && place === null) return null;
    const { whole } = this;
    // A row's question must not change with where the page has learned that it is.
    return row === null
      ? {
          row,
          whole,
          partition: place?.partition ?? 0,
          offset: place?.offset ?? "",
          index: place?.index ?? null,
        }
      : { row, whole, partition: 0, offset: "", index: null };
  }

  protected override show(content: Content<"record">, question: RecordQuery): void {
    if (content.row !== this.#view?.row) this.#begin();
    this.#view = content;
    this.firstHeld = content.firstHeld;
    const { selection } = this.store;
    // The record of a place has come; from now on its row is known.
    if (question.row === null && selection.row === null && content.row >= 0) {
      selection.open(content.row, selection.place);
    }
  }

  protected override clear(): void {
    this.#view = null;
    this.firstHeld = "";
    this.#begin();
  }

  close(): void {
    this.store.selection.close();
    this.whole = false;
  }

  showWhole(whole: boolean): void {
    this.whole = whole;
    this.#begin();
  }

  /** Fetches something of the record whole; null where it is no longer in memory. */
  async fetch(what: Wanted["what"], value: number | null = null): Promise<Taken> {
    const { row } = this;
    return row === null ? null : this.store.takes.take({ row, whole: this.whole, what, value });
  }

  /** The same as a text. */
  async text(what: Wanted["what"], value: number | null = null): Promise<string> {
    const bytes = await this.fetch(what, value);
    return bytes === null ? "" : new TextDecoder().decode(bytes);
  }

  /** A name for a file of it. */
  get fileName(): string {
    const { place } = this.store.selection;
    return place === null ? "record" : `record-${placeText(place).replaceAll(":", "-")}`;
  }

  #begin(): void {
    this.message.begin();
    this.bytes.begin();
  }
}
