/** The chosen string, part by part. */
import type { ValueQuery, ValueView } from "../../generated/decode_wasm.js";
import { Channel, type Content } from "../../store/channel.js";
import type { MessageState } from "./message.svelte.js";
import type { OpenRecord } from "./open.js";

export class ValueState extends Channel<"value"> {
  override readonly name = "value";
  readonly #record: OpenRecord;
  readonly #message: MessageState;
  /** Where the parts begin that were read, the shown one last. */
  #starts = $state.raw<{ id: number | null; list: readonly number[] }>({ id: null, list: [0] });
  #view = $state.raw<{ id: number; view: ValueView } | null>(null);

  constructor(record: OpenRecord, message: MessageState) {
    super();
    this.#record = record;
    this.#message = message;
  }

  get #list(): readonly number[] {
    return this.#starts.id === this.#message.chosen ? this.#starts.list : [0];
  }

  /** The part that is shown, or null. */
  get view(): ValueView | null {
    return this.#view?.id === this.#message.chosen ? this.#view.view : null;
  }

  get hasBefore(): boolean {
    return this.#list.length > 1;
  }

  get hasMore(): boolean {
    const { view } = this;
    return view !== null && view.end < view.total;
  }

  before(): void {
    this.#starts = { id: this.#message.chosen, list: this.#list.slice(0, -1) };
  }

  more(): void {
    const { view } = this;
    if (view === null) return;
    this.#starts = { id: this.#message.chosen, list: [...this.#list, view.end] };
  }

  override question(): ValueQuery | null {
    const { row, whole, tab } = this.#record;
    const { chosen: id, chosenLine } = this.#message;
    if (row === null || id === null || tab !== "decoded") return null;
    if (chosenLine !== null && chosenLine.kind !== "text") return null;
    return { row, whole, id, from: this.#list.at(-1) ?? 0 };
  }

  protected override show(view: Content<"value">, question: ValueQuery): void {
    this.#view = { id: question.id, view };
  }

  protected override clear(): void {
    this.#view = null;
  }
}
