/** What is asked of the worker once and whole, for a copy or a download. */
import type { PageMessage, TakenMessage, TakeMessage } from "../generated/decode_wasm.js";

export type Wanted = Omit<TakeMessage, "id">;
export type Taken = Uint8Array<ArrayBuffer> | null;

export class Takes {
  readonly #post: (message: PageMessage) => void;
  readonly #waiting = new Map<number, (bytes: Taken) => void>();
  #nextId = 1;

  constructor(post: (message: PageMessage) => void) {
    this.#post = post;
  }

  /** The bytes; null where the record is no longer in memory or the worker is gone. */
  take(wanted: Wanted): Promise<Taken> {
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#post({ type: "take", id, ...wanted });
    });
  }

  answer(message: TakenMessage): void {
    this.#waiting.get(message.id)?.(message.bytes ?? null);
    this.#waiting.delete(message.id);
  }

  /** The worker that was asked is gone. */
  forget(): void {
    for (const resolve of this.#waiting.values()) resolve(null);
    this.#waiting.clear();
  }
}
