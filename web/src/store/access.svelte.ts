/** Signing in and out. Whether it is needed, the connection knows; the token is passed on and not kept. */
import { signIn, signOut } from "../base/session.js";
import { readStored, writeStored } from "../base/storage.js";

const SIGNED_IN_KEY = "dashstream.signedIn";

export class Access {
  /** What went wrong with the last attempt. */
  error = $state("");
  busy = $state(false);
  /** Whether this browser signed in, as far as the page remembers: the session itself it cannot see. */
  signedIn = $state(readStored(SIGNED_IN_KEY) !== null);
  /** Whether there was a session, also if it has ended since: a connection may end with it. */
  hadSession = this.signedIn;
  readonly #url: string;
  readonly #changed: (signedIn: boolean) => void;

  /** `changed` is told when the connection should be tried again. */
  constructor(url: string, changed: (signedIn: boolean) => void) {
    this.#url = url;
    this.#changed = changed;
  }

  /** Whether the relay took the token. */
  async signIn(token: string): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.error = "";
    this.error = await signIn(this.#url, token);
    this.busy = false;
    if (this.error !== "") return false;
    this.#remember(true);
    this.#changed(true);
    return true;
  }

  async signOut(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    const done = await signOut(this.#url);
    this.busy = false;
    if (!done) return;
    this.#remember(false);
    this.#changed(false);
  }

  #remember(signedIn: boolean): void {
    this.signedIn = signedIn;
    this.hadSession ||= signedIn;
    writeStored(SIGNED_IN_KEY, signedIn ? "1" : null);
  }
}
