/**
 * The page's one store. It owns the worker, asks it once per frame at most for what is on the
 * screen, and holds the latest answer; views render that and hold nothing of their own.
 */
import type {
  ConnectionView,
  DetailAnswer,
  Names,
  PageMessage,
  StartFrom,
  ViewMessage,
  WorkerMessage,
} from "../generated/decode_wasm.js";
import { RateMeter } from "../base/rate.js";
import { refusalAt } from "../base/refusal.js";
import { RestartBudget } from "../base/restarts.js";
import { eventRow, type EventRow } from "../base/rows.js";
import type { PageParams } from "../base/url.js";
import { startEffects } from "./effects.svelte.js";
import { EventsState } from "./events.svelte.js";
import { WorkerLink, type MakeWorker } from "./link.js";
import { PanesState } from "./panes.svelte.js";
import { ThemeState } from "./theme.svelte.js";
import { ThreadsState } from "./threads.svelte.js";

export interface Failure {
  readonly text: string;
  /** Whether the page already started the decoder again by itself. */
  readonly recovered: boolean;
}

interface Asked {
  readonly id: number;
  readonly first: number;
  readonly threadsFirst: number;
  readonly threadsSort: ThreadsState["sort"];
}

/** Shortest time between two queries while nobody touches the page: more cannot be read anyway. */
const QUERY_PAUSE_MS = 33;
/** The same while a replay rushes by, or nothing changes: the worker has the cores for itself. */
const QUERY_REPLAY_PAUSE_MS = 100;
const QUERY_IDLE_PAUSE_MS = 200;
/**
 * A page that was let in before asks why it no longer is after so many attempts in a row: by then a relay
 * that restarts is back, and asking one that is not there would leave an error in the console.
 */
const ENDS_BEFORE_ASKING = 6;
/** A worker that leaves a query open this long, counted in frames the page did run, is wedged. */
const ANSWER_WAIT_MS_MAX = 20_000;
/** Longest step one frame adds to that wait, so that a sleeping machine accuses nobody. */
const FRAME_STEP_MS_MAX = 250;
/** What a browser says of a socket that ended without a word, or never began. */
const CLOSED_UNTOLD = 1006;

export class RelayStore {
  readonly params: PageParams;
  readonly events = new EventsState(() => this.view?.newestRow ?? null);
  readonly threads = new ThreadsState();
  readonly theme = new ThemeState();
  readonly panes = new PanesState();

  names = $state.raw<Names | null>(null);
  coreVersion = $state("");
  view = $state.raw<ViewMessage | null>(null);
  detail = $state.raw<DetailAnswer | null>(null);
  failure = $state.raw<Failure | null>(null);
  recordRate = $state<number | null>(null);
  byteRate = $state<number | null>(null);
  /** Why the relay lets nobody in, where the socket did not say and the relay did. */
  refusal = $state("");

  readonly #url: string;
  readonly #make: MakeWorker;
  readonly #budget = new RestartBudget();
  readonly #records = new RateMeter();
  readonly #bytes = new RateMeter();
  #from: StartFrom;
  #link: WorkerLink | null = null;
  #rowsFirst = 0;
  #asked: Asked | null = null;
  #waitedMs = 0;
  #nextId = 1;
  #nextQueryMs = 0;
  #frameMs = 0;
  #dirty = true;
  #detailId = 0;
  #wantedIndex: number | null = null;
  #signature = "";
  /** The connection whose end the relay was asked about. */
  #refusedEpoch = 0;
  #endsUntold = 0;
  #wasLetIn = false;

  constructor(params: PageParams, url: string, make: MakeWorker) {
    this.params = params;
    this.#url = url;
    this.#make = make;
    this.#from = params.from;
    this.events.text = params.filter;
    this.events.thread = params.thread;
  }

  /** Starts the worker and the query loop; called once. */
  run(): void {
    this.#open();
    startEffects(this);
    const loop = (nowMs: number): void => {
      this.#frame(nowMs);
      requestAnimationFrame(loop);
    };
    requestAnimationFrame(loop);
  }

  /** What is on the screen changed: the next frame may ask without waiting. */
  touch(): void {
    this.#dirty = true;
  }

  wake(): void {
    this.#post({ type: "wake" });
  }

  /** Drops what the worker holds and reads again from the given place. */
  reset(from: StartFrom): void {
    this.#from = from;
    this.events.forget();
    this.detail = null;
    this.#forgetRates();
    this.#post({ type: "reset", from });
    this.touch();
  }

  /** A person asked for a new worker after a failure. */
  restart(): void {
    this.failure = null;
    this.#open();
  }

  open(row: number): void {
    this.events.hold();
    this.events.selected = row;
    this.#askDetail(row);
  }

  /** Opens the row at a place of the list, as soon as the worker has told which row that is. */
  openAt(index: number): void {
    this.events.hold();
    const row = this.rowAt(index);
    this.#wantedIndex = row === null ? index : null;
    if (row !== null) this.open(row.row);
  }

  closeDetail(): void {
    this.#wantedIndex = null;
    this.events.selected = null;
    this.detail = null;
  }

  /** The loaded row at a place of the list, or null while the worker has not been heard. */
  rowAt(index: number): EventRow | null {
    if (this.view === null || this.names === null) return null;
    return eventRow(this.view.events, this.view.strings, this.names, index - this.#rowsFirst);
  }

  #post(message: PageMessage): void {
    this.#link?.post(message);
  }

  #open(): void {
    this.#link?.close();
    this.#refusedEpoch = 0;
    this.#asked = null;
    this.#waitedMs = 0;
    this.names = null;
    this.events.forget();
    this.threads.forget();
    this.detail = null;
    this.#forgetRates();
    this.#link = new WorkerLink(this.#make, {
      message: (message) => {
        this.#take(message);
      },
      broken: (text) => {
        this.#broken(text);
      },
    });
  }

  /** A dead worker is replaced at once, unless it keeps dying. */
  #broken(text: string): void {
    const recovered = this.#budget.take(performance.now());
    this.failure = { text, recovered };
    if (recovered) this.#open();
    else this.#shut();
  }

  #shut(): void {
    this.#link?.close();
    this.#link = null;
    this.#asked = null;
  }

  #take(message: WorkerMessage): void {
    switch (message.type) {
      case "ready":
        this.names = message.names;
        this.coreVersion = message.coreVersion;
        this.#post({ type: "start", url: this.#url, from: this.#from, digest: this.params.digest });
        this.touch();
        break;
      case "view":
        this.#takeView(message);
        break;
      case "detail":
        if (message.id === this.#detailId) this.detail = message;
        break;
      case "failed":
        this.#broken(message.message);
        break;
    }
  }

  #takeView(view: ViewMessage): void {
    const asked = this.#asked;
    if (asked?.id !== view.id) return;
    this.#asked = null;
    const nowMs = performance.now();
    this.#records.add(nowMs, view.totals.records);
    this.#bytes.add(nowMs, view.totals.bytes);
    this.recordRate = this.#records.perSecond();
    this.byteRate = this.#bytes.perSecond();
    this.#rowsFirst = asked.first;
    this.view = view;
    this.threads.take(view, asked.threadsFirst, asked.threadsSort);
    if (this.#wantedIndex !== null) this.openAt(this.#wantedIndex);
    const { connection, totals } = view;
    this.#askRefusal(connection);
    const signature = `${totals.records} ${totals.rows} ${connection.phase} ${connection.epoch}`;
    const busyMs = connection.phase === "replaying" ? QUERY_REPLAY_PAUSE_MS : QUERY_PAUSE_MS;
    const same = signature === this.#signature;
    this.#nextQueryMs = nowMs + (same ? QUERY_IDLE_PAUSE_MS : busyMs);
    this.#signature = signature;
  }

  #frame(nowMs: number): void {
    const stepMs = Math.min(FRAME_STEP_MS_MAX, nowMs - this.#frameMs);
    this.#frameMs = nowMs;
    if (this.#link === null) return;
    if (this.#asked !== null) {
      this.#waitedMs += stepMs;
      if (this.#waitedMs > ANSWER_WAIT_MS_MAX) this.#broken("The decoder stopped answering.");
      return;
    }
    if (this.names === null || (!this.#dirty && performance.now() < this.#nextQueryMs)) return;
    this.#ask();
  }

  #ask(): void {
    const { range, filter, frozenAt } = this.events;
    const threads = { ...this.threads.range, sort: this.threads.sort };
    const id = this.#nextId;
    this.#nextId += 1;
    this.#asked = {
      id,
      first: range.first,
      threadsFirst: threads.first,
      threadsSort: threads.sort,
    };
    this.#waitedMs = 0;
    this.#dirty = false;
    this.#post({
      type: "query",
      id,
      events: range,
      frozenAt,
      filter: { ...filter, kinds: [...filter.kinds] },
      threads,
    });
  }

  #askDetail(row: number): void {
    this.#detailId = this.#nextId;
    this.#nextId += 1;
    this.#post({ type: "detail", id: this.#detailId, row });
  }

  #askRefusal({ phase, epoch, lastClose }: ConnectionView): void {
    if (phase !== "waiting" && phase !== "connecting") {
      this.refusal = "";
      this.#endsUntold = 0;
      this.#wasLetIn ||= phase !== "idle";
    }
    if (phase !== "waiting" || epoch === this.#refusedEpoch) return;
    this.#refusedEpoch = epoch;
    if (lastClose?.code !== CLOSED_UNTOLD) {
      this.refusal = "";
      return;
    }
    this.#endsUntold += 1;
    // Who was let in before most likely meets a relay that restarts and cannot be asked.
    if (this.#wasLetIn && this.#endsUntold < ENDS_BEFORE_ASKING) return;
    void refusalAt(this.#url).then((sentence) => {
      const now = this.view?.connection;
      if (now?.phase === "waiting" && now.epoch === epoch) this.refusal = sentence;
    });
  }

  #forgetRates(): void {
    this.#records.clear();
    this.#bytes.clear();
    this.recordRate = null;
    this.byteRate = null;
  }
}
