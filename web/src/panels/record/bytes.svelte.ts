/** A window of the record's bytes. */
import type { BytesQuery, BytesView, WhichBytes } from "../../generated/decode_wasm.js";
import { ROW_BYTES } from "../../base/hex.js";
import { Channel, type Content } from "../../store/channel.js";
import type { OpenRecord } from "./open.js";

/** As many as the worker gives at once. */
export const WINDOW_BYTES = 4096;

export class BytesState extends Channel<"bytes"> {
  override readonly name = "bytes";
  readonly #record: OpenRecord;
  /** Which were asked for; until then the decompressed ones, where there are some. */
  #of = $state<WhichBytes | null>(null);
  first = $state(0);
  #view = $state.raw<{ row: number; of: WhichBytes; view: BytesView } | null>(null);

  constructor(record: OpenRecord) {
    super();
    this.#record = record;
  }

  begin(): void {
    this.#of = null;
    this.first = 0;
    this.#view = null;
  }

  get of(): WhichBytes {
    const { view } = this.#record;
    if (view?.frame === "") return "kafka";
    return this.#of ?? (view?.errorOf === "kafka" ? "kafka" : "decoded");
  }

  set of(of: WhichBytes) {
    this.#of = of;
    this.first = 0;
  }

  get view(): BytesView | null {
    const { row } = this.#record;
    const held = this.#view;
    return held?.row === row && held.of === this.of ? held.view : null;
  }

  /** Shows the window in which that byte is. */
  goTo(of: WhichBytes, at: number): void {
    this.of = of;
    this.first = Math.max(0, Math.floor(at / ROW_BYTES) * ROW_BYTES - ROW_BYTES * 4);
  }

  step(by: 1 | -1): void {
    this.first = Math.max(0, this.first + by * WINDOW_BYTES);
  }

  override question(): BytesQuery | null {
    const { row, whole, tab } = this.#record;
    if (row === null || tab !== "bytes") return null;
    return { row, whole, of: this.of, first: this.first };
  }

  protected override show(view: Content<"bytes">, question: BytesQuery): void {
    this.#view = { row: question.row, of: question.of, view };
  }

  protected override clear(): void {
    this.#view = null;
  }
}
