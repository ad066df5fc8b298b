/** How the relay is, by its own account, and where on its way a record is held up. */
import { askHealth, type HealthAnswer, type RelayHealth } from "../base/health.js";
import { hopsOf, verdict, type Hop } from "../base/hops.js";
import { besides, hostOf } from "../base/url.js";
import type { Connection } from "./connection.svelte.js";

/** Between an answer and the next question. */
const EVERY_MS = 3_000;
const TICK_MS = 1_000;

export class HealthState {
  readonly url: string;
  readonly #host: string;
  readonly #connection: Connection;
  #answer = $state.raw<HealthAnswer | null>(null);
  #answeredMs = $state(0);
  #nowMs = $state(Date.now());

  /** How old the answer is, ms. */
  readonly ageMs: number = $derived.by(() => Math.max(0, this.#nowMs - this.#answeredMs));
  /** The latest account, however old; null where there was none. */
  readonly account: RelayHealth | null = $derived.by(() =>
    this.#answer?.kind === "health" ? this.#answer.health : null,
  );
  readonly hops: readonly Hop[] = $derived.by(() =>
    hopsOf({
      health: this.#answer,
      healthAgeMs: this.ageMs,
      connection: this.#connection.view,
      refusal: this.#connection.refusal,
      signIn: this.#connection.signIn,
      host: this.#host,
      isOfFile: this.#connection.isOfFile,
      remaining: this.#connection.remaining,
    }),
  );
  readonly verdict: string = $derived.by(() => verdict(this.hops));

  constructor(url: string, connection: Connection) {
    this.url = besides(url, "health");
    this.#host = hostOf(url);
    this.#connection = connection;
  }

  /** For an effect: asks for as long as somebody looks and the relay is there to answer. */
  watch(): () => void {
    let ended = false;
    let next: ReturnType<typeof setTimeout> | undefined;
    const look = async (): Promise<void> => {
      if (this.#isWorthAsking()) {
        const answer = await askHealth(this.url);
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

  /** Asking a relay that is not there, or wants a token, would only fill the browser's console. */
  #isWorthAsking(): boolean {
    const { phase, refusal, signIn, isOfFile } = this.#connection;
    const refusing = refusal !== "" && signIn === null;
    const there = phase === "live" || phase === "replaying" || refusing;
    return document.visibilityState === "visible" && there && !isOfFile;
  }
}
