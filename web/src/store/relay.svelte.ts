/**
 * The page's one store: the worker, the questions it is asked, and what all panels share. Views render
 * it and hold nothing of their own.
 */
import type { StartFrom } from "../generated/decode_wasm.js";
import { plural } from "../base/format.js";
import type { PageParams } from "../base/url.js";
import { Access } from "./access.svelte.js";
import { Address } from "./address.svelte.js";
import { CaptureState } from "./capture.svelte.js";
import { HealthState } from "./health.svelte.js";
import { Connection } from "./connection.svelte.js";
import type { MakeWorker } from "./link.js";
import { PanesState } from "./panes.svelte.js";
import { Queries, type Line } from "./queries.js";
import { Saves } from "./saves.js";
import { Selection } from "./selection.svelte.js";
import { Supervisor } from "./supervisor.svelte.js";
import { Takes } from "./takes.js";
import { ThemeState } from "./theme.svelte.js";
import { TotalsState } from "./totals.svelte.js";
import { ViewState, type ViewName } from "./view.svelte.js";
import { ZoneState } from "./zone.svelte.js";

export class RelayStore {
  readonly params: PageParams;
  readonly url: string;
  readonly address = new Address();
  readonly panes = new PanesState();
  readonly theme = new ThemeState();
  readonly zone = new ZoneState();
  readonly selection = new Selection();
  readonly view = new ViewState();
  readonly access: Access;
  readonly connection: Connection;
  readonly health: HealthState;
  readonly totals: TotalsState;
  readonly worker: Supervisor;
  readonly takes: Takes;
  readonly saves: Saves;
  readonly capture: CaptureState;
  readonly #queries: Queries;
  #from: StartFrom;

  constructor(params: PageParams, url: string, make: MakeWorker) {
    this.params = params;
    this.url = url;
    this.#from = params.from;
    this.connection = new Connection(url, () => this.access.hadSession);
    this.health = new HealthState(url, this.connection);
    this.access = new Access(url, (signedIn) => {
      if (signedIn) this.connection.signedIn();
      this.wake();
    });
    this.totals = new TotalsState(
      () => this.connection.phase === "replaying",
      (nowMs) => this.capture.isDue(nowMs),
    );
    this.worker = new Supervisor(make, {
      fresh: () => {
        this.#forget();
      },
      gone: () => {
        this.takes.forget();
        this.saves.forget();
      },
      ready: () => {
        this.#begin();
      },
      view: (view) => {
        this.#queries.take(view, performance.now());
      },
      taken: (message) => {
        this.takes.answer(message);
      },
      saved: (message) => {
        this.saves.answer(message);
      },
    });
    this.capture = new CaptureState((message) => {
      this.worker.post(message);
    });
    this.takes = new Takes((message) => {
      this.worker.post(message);
    });
    this.saves = new Saves((message) => {
      this.worker.post(message);
    });
    this.#queries = new Queries(
      (message) => {
        this.worker.post(message);
      },
      () => {
        this.worker.broken("The decoder stopped answering.");
      },
    );
    this.address.add(this.view.address);
    this.ask(this.connection);
    this.ask(this.totals);
    this.ask(this.capture);
  }

  /** Nothing more comes: what is shown is a file, opened here or served. */
  get isComplete(): boolean {
    return this.capture.isOpen || this.connection.isOfFile;
  }

  /** When a time that goes on has got to: up to now, or in a file to its last record. */
  presentMs(nowMs: number): number {
    return this.isComplete ? (this.totals.view?.lastMs ?? 0) : nowMs;
  }

  /** Records rush by, in a replay or while a file is read: nobody reads them, so lists change rarely. */
  get rushes(): boolean {
    return this.connection.phase === "replaying" || this.capture.isReading;
  }

  /** From now on a panel's channel is part of the queries: always, or while its view is shown. */
  ask(line: Line, view: ViewName | null = null): void {
    this.#queries.add(line, () => view === null || view === this.view.name);
  }

  /** Why nothing older is in memory, behind "as". */
  get whyNotOlder(): string {
    const evicted = this.totals.view?.evictedRows ?? 0;
    if (evicted > 0)
      return `${plural(evicted, "older row")} were dropped to bound this page's memory`;
    if (this.capture.isOpen) return "the capture begins there";
    if (this.#from === "latest") return "this page asked for new records only";
    return "the relay had nothing older";
  }

  /** Starts the worker and the query loop; called once. */
  run(): void {
    this.worker.start();
    const loop = (): void => {
      if (this.worker.isUp) this.#queries.frame(performance.now());
      // A frame that is asked for is made, even where nothing changed; one that nobody sees never comes.
      if (document.hidden) requestAnimationFrame(loop);
      else setTimeout(loop, FRAME_MS);
    };
    loop();
  }

  /** The connection may succeed now, or be dead without the worker having noticed. */
  wake(): void {
    this.worker.post({ type: "wake" });
  }

  /** Drops what the worker holds and reads again from the given place. */
  reset(from: StartFrom): void {
    this.#from = from;
    this.#forget();
    this.selection.close();
    this.selection.closeRun();
    this.worker.post({ type: "reset", from });
  }

  /** Shows a file in place of what the relay has. */
  openCapture(file: File): void {
    this.#leave();
    this.capture.open(file);
  }

  /** Goes back to the relay. */
  closeCapture(): void {
    this.#leave();
    this.capture.file = null;
    this.#begin();
  }

  #leave(): void {
    this.#forget();
    this.selection.close();
    this.selection.closeRun();
  }

  /** The worker's first message, or the first after a file. */
  #begin(): void {
    const { file } = this.capture;
    const { url, params } = this;
    this.worker.post({
      type: "start",
      url: file === null ? url : "",
      from: this.#from,
      digest: params.digest,
    });
    if (file !== null) this.capture.open(file);
  }

  #forget(): void {
    this.selection.forgetRow();
    this.takes.forget();
    this.saves.forget();
    this.#queries.forget();
  }
}

/** How often is looked whether there is something to ask: once a frame of most screens. */
const FRAME_MS = 16;
