/** Counts since the worker started, and how fast they grow. */
import type { Totals, TotalsQuery } from "../generated/decode_wasm.js";
import { RateMeter } from "../base/rate.js";
import { Channel } from "./channel.js";

export class TotalsState extends Channel<"totals"> {
  override readonly name = "totals";
  view = $state.raw<Totals | null>(null);
  recordRate = $state<number | null>(null);
  byteRate = $state<number | null>(null);
  readonly #records = new RateMeter();
  readonly #bytes = new RateMeter();
  readonly #isReplaying: () => boolean;
  readonly #isFileDue: (nowMs: number) => boolean;
  #replayed = false;

  constructor(isReplaying: () => boolean, isFileDue: (nowMs: number) => boolean) {
    super();
    this.#isReplaying = isReplaying;
    this.#isFileDue = isFileDue;
  }

  /** Asked together with how far a file was read: a file that is done never stands beside older counts. */
  override isDue(nowMs: number): boolean {
    return super.isDue(nowMs) || this.#isFileDue(nowMs);
  }

  override question(): TotalsQuery {
    return {};
  }

  override take(...answer: Parameters<Channel<"totals">["take"]>): void {
    super.take(...answer);
    this.#measure(answer[1]);
  }

  protected override show(view: Totals): void {
    this.view = view;
  }

  protected override clear(): void {
    this.#forgetRates();
  }

  #measure(nowMs: number): void {
    if (this.view === null) return;
    const replaying = this.#isReplaying();
    // What history brought says nothing of how fast new records come.
    if (this.#replayed && !replaying) this.#forgetRates();
    this.#replayed = replaying;
    this.#records.add(nowMs, this.view.records);
    this.#bytes.add(nowMs, this.view.bytes);
    this.recordRate = this.#records.perSecond();
    this.byteRate = this.#bytes.perSecond();
  }

  #forgetRates(): void {
    this.#records.clear();
    this.#bytes.clear();
    this.recordRate = null;
    this.byteRate = null;
  }
}
