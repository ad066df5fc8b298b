/** Asks the relay how it is, for as long as somebody looks and the relay is there to answer. */
import { askHealth, type HealthAnswer } from "../../base/health.js";
import { besides, hostOf } from "../../base/url.js";
import type { RelayStore } from "../../store/relay.svelte.js";
import { hopsOf, verdict, type Hop } from "./hops.js";

/** Between an answer and the next question. */
const EVERY_MS = 3_000;
const TICK_MS = 1_000;

export class HopsState {
  readonly store: RelayStore;
  readonly healthUrl: string;
  #answer = $state.raw<HealthAnswer | null>(null);
  #answeredMs = $state(0);
  #nowMs = $state(Date.now());

  readonly hops: readonly Hop[] = $derived.by(() =>
    hopsOf({
      health: this.#answer,
      healthAgeMs: Math.max(0, this.#nowMs - this.#answeredMs),
      connection: this.store.connection.view,
      refusal: this.store.connection.refusal,
      host: hostOf(this.store.url),
      isOfFile: this.store.connection.isOfFile,
      remaining: this.store.connection.remaining,
    }),
  );
  readonly verdict: string = $derived.by(() => verdict(this.hops));

  constructor(store: RelayStore) {
    this.store = store;
    this.healthUrl = besides(store.url, "health");
  }

  /** For an effect: runs while the panel is on the page. */
  watch(): () => void {
    let ended = false;
    let next: ReturnType<typeof setTimeout> | undefined;
    const look = async (): Promise<void> => {
      if (this.#isWorthAsking()) {
        const answer = await askHealth(this.healthUrl);
        if (ended) return;
        this.#answer = answer;
        this.#answeredMs = Date.now();
      }
      next = setTimeout(() => void look(), EVERY_MS);
    };
    const tick = setInterval(() => {
      this.#nowMs = Date.now();
    }, TICK_MS);
    void look();
    return () => {
      ended = true;
      clearTimeout(next);
      clearInterval(tick);
    };
  }

  /** Asking a relay that is not there would only fill the browser's console. */
  #isWorthAsking(): boolean {
    const { phase, refusal, isOfFile } = this.store.connection;
    const there = phase === "live" || phase === "replaying" || refusal !== "";
    return document.visibilityState === "visible" && there && !isOfFile;
  }
}
