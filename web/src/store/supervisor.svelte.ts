/** The life of the worker: started, and started again when it dies, unless it keeps dying. */
import type {
  Names,
  PageMessage,
  SavedMessage,
  TakenMessage,
  ViewMessage,
  WorkerMessage,
} from "../generated/decode_wasm.js";
import { RestartBudget } from "../base/restarts.js";
import { WorkerLink, type MakeWorker } from "./link.js";

export interface Failure {
  readonly text: string;
  /** Whether the page already started the decoder again by itself. */
  readonly recovered: boolean;
}

export interface WorkerEvents {
  /** A worker is about to start: nothing that an earlier one said holds any more. */
  fresh(): void;
  /** The worker is gone and none follows: nothing that was asked is answered. */
  gone(): void;
  /** The worker is ready and waits for its first message. */
  ready(): void;
  view(view: ViewMessage): void;
  taken(message: TakenMessage): void;
  saved(message: SavedMessage): void;
}

export class Supervisor {
  /** Names of the core; null while no worker is ready. */
  names = $state.raw<Names | null>(null);
  coreVersion = $state("");
  failure = $state.raw<Failure | null>(null);
  readonly #make: MakeWorker;
  readonly #events: WorkerEvents;
  readonly #budget = new RestartBudget();
  #link: WorkerLink | null = null;

  constructor(make: MakeWorker, events: WorkerEvents) {
    this.#make = make;
    this.#events = events;
  }

  get isUp(): boolean {
    return this.#link !== null && this.names !== null;
  }

  post(message: PageMessage): void {
    this.#link?.post(message);
  }

  start(): void {
    this.#link?.close();
    this.names = null;
    this.#events.fresh();
    this.#link = new WorkerLink(this.#make, {
      message: (message) => {
        this.#take(message);
      },
      broken: (text) => {
        this.broken(text);
      },
    });
  }

  /** A person asked for a new worker after a failure. */
  restart(): void {
    this.failure = null;
    this.start();
  }

  /** A dead worker is replaced at once, unless it keeps dying. */
  broken(text: string): void {
    const recovered = this.#budget.take(performance.now());
    this.failure = { text, recovered };
    if (recovered) {
      this.start();
      return;
    }
    this.#link?.close();
    this.#link = null;
    this.#events.gone();
  }

  #take(message: WorkerMessage): void {
    switch (message.type) {
      case "ready":
        this.names = message.names;
        this.coreVersion = message.coreVersion;
        this.#events.ready();
        break;
      case "view":
        this.#events.view(message);
        break;
      case "taken":
        this.#events.taken(message);
        break;
      case "saved":
        this.#events.saved(message);
        break;
      case "failed":
        this.broken(message.message);
        break;
    }
  }
}
