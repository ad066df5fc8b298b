/** The connection as the worker reports it, and why a relay lets nobody in. */
import type { ConnectionQuery, ConnectionView } from "../generated/decode_wasm.js";
import type { SignInNeed } from "../base/phase.js";
import { refusalAt } from "../base/refusal.js";
import { Channel } from "./channel.js";

/**
 * A page that was let in before asks why it no longer is after so many attempts in a row: by then a relay
 * that restarts is back, and asking one that is not there would leave an error in the console.
 */
const ENDS_BEFORE_ASKING = 6;
/** In place of the relay's sentence, which is for programs too. */
const ASKS_FOR_TOKEN = "The relay asks for a token.";
/** What a browser reports of a socket that ended without a close frame, or never opened. */
export const NO_CLOSE_FRAME = 1006;

export class Connection extends Channel<"connection"> {
  override readonly name = "connection";
  view = $state.raw<ConnectionView | null>(null);
  readonly phase = $derived(this.view?.phase ?? "idle");
  /** Offsets between the page and the relay's ends. */
  readonly remaining = $derived(this.view?.remaining ?? 0);
  /** A capture is served, not a topic: such cursors have a namespace of the file. */
  readonly isOfFile = $derived(this.view?.namespace.startsWith("file/") ?? false);
  /** Why the relay lets nobody in, where the socket did not say and the relay did. */
  refusal = $state("");
  /** Whether the relay asks for a token: of a page that was never let in, or of one that was. */
  signIn = $state<SignInNeed | null>(null);
  /** When the data shown was last known to be current, in ms since 1970; null while it is. */
  staleSinceMs = $state<number | null>(null);
  readonly #url: string;
  readonly #hadSession: () => boolean;
  /** The connection whose end the relay was asked about. */
  #refusedEpoch = 0;
  #endsUntold = 0;
  #wasLetIn = false;

  constructor(url: string, hadSession: () => boolean) {
    super();
    this.#url = url;
    this.#hadSession = hadSession;
  }

  /** Whatever ends a connection from now on has another cause. */
  signedIn(): void {
    this.signIn = null;
    this.refusal = "";
  }

  override question(): ConnectionQuery {
    return {};
  }

  protected override show(view: ConnectionView): void {
    this.view = view;
    const served = view.phase === "live" || view.phase === "replaying";
    if (served) this.staleSinceMs = null;
    else if (this.#wasLetIn) this.staleSinceMs ??= Date.now();
    this.#askRefusal(view);
  }

  protected override clear(): void {
    this.#refusedEpoch = 0;
  }

  #askRefusal({ phase, epoch, lastClose }: ConnectionView): void {
    if (phase !== "waiting" && phase !== "connecting") {
      this.refusal = "";
      if (phase !== "idle") this.signIn = null;
      this.#endsUntold = 0;
      this.#wasLetIn ||= phase !== "idle";
    }
    if (phase !== "waiting" || epoch === this.#refusedEpoch) return;
    this.#refusedEpoch = epoch;
    if (lastClose?.code === __NOT_AUTHORISED__) this.signIn = "ended";
    if (lastClose?.code !== NO_CLOSE_FRAME) {
      this.refusal = "";
      return;
    }
    this.#endsUntold += 1;
    // Who was let in before most likely meets a relay that restarts and cannot be asked.
    // Who signed in may have been signed out, and the close that said so not have been seen.
    const isPatient = this.#wasLetIn && !this.#hadSession();
    if (isPatient && this.#endsUntold < ENDS_BEFORE_ASKING) return;
    void refusalAt(this.#url).then(({ sentence, needsSignIn }) => {
      const now = this.view;
      if (now?.phase !== "waiting" || now.epoch !== epoch) return;
      this.refusal = needsSignIn ? ASKS_FOR_TOKEN : sentence;
      if (needsSignIn) this.signIn ??= this.#wasLetIn ? "ended" : "first";
    });
  }
}
