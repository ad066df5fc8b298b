/** The wire to one worker: typed messages both ways, and one call when it breaks. */
import type { PageMessage, WorkerMessage } from "../generated/decode_wasm.js";

export interface LinkEvents {
  message(message: WorkerMessage): void;
  /** The worker trapped or could not be loaded; it answers nothing any more. */
  broken(text: string): void;
}

export type MakeWorker = () => Worker;

export class WorkerLink {
  readonly #worker: Worker;

  constructor(make: MakeWorker, events: LinkEvents) {
    this.#worker = make();
    this.#worker.onmessage = (event: MessageEvent<WorkerMessage>) => {
      events.message(event.data);
    };
    this.#worker.onmessageerror = () => {
      events.broken("A message of the decoder could not be read.");
    };
    this.#worker.onerror = (event) => {
      // The page tells of it in its own words; the console would only repeat them.
      event.preventDefault();
      events.broken(event.message === "" ? "The decoder could not be loaded." : event.message);
    };
  }

  post(message: PageMessage): void {
    this.#worker.postMessage(message);
  }

  close(): void {
    this.#worker.onmessage = null;
    this.#worker.onmessageerror = null;
    this.#worker.onerror = null;
    this.#worker.terminate();
  }
}
