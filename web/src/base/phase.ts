/** The connection's phases in words, and how each is coloured. */
import type { CloseView, ConnectionPhase } from "../generated/decode_wasm.js";

export type PhaseTone = "good" | "busy" | "bad" | "off";

export interface PhaseText {
  readonly words: string;
  readonly tone: PhaseTone;
}

/** Whom the relay asks for a token: a page that was never let in, or one that was. */
export type SignInNeed = "first" | "ended";

const NEEDS: Readonly<Record<SignInNeed, PhaseText>> = {
  first: { words: "Sign in to continue", tone: "off" },
  ended: { words: "Your session has ended", tone: "bad" },
};

/** The phase in words; while the relay asks for a token that, because no attempt succeeds without one. */
export function phaseText(phase: ConnectionPhase, need: SignInNeed | null): PhaseText {
  if (need !== null && (phase === "waiting" || phase === "connecting")) return NEEDS[need];
  switch (phase) {
    case "idle":
      return { words: "Starting", tone: "off" };
    case "connecting":
      return { words: "Connecting", tone: "busy" };
    case "resuming":
      return { words: "Synchronising", tone: "busy" };
    case "replaying":
      return { words: "Catching up", tone: "busy" };
    case "live":
      return { words: "Live", tone: "good" };
    case "waiting":
      return { words: "Disconnected", tone: "bad" };
    case "stopped":
      return { words: "Stopped", tone: "off" };
  }
}

/** What a browser reports of a socket that ended without a close frame, or never opened. */
const NO_CLOSE_FRAME = 1006;

/** With this reason the page itself ends a connection to a relay of another protocol version. */
const OTHER_PROTOCOL = "unsupported protocol";

/** Why the connection ended, in words; empty where there is nothing to say. */
export function closeText(close: CloseView | null, host: string): string {
  if (close === null) return "";
  if (close.code === __PROTOCOL_ERROR__ && close.reason === OTHER_PROTOCOL) {
    return "This page is older or newer than the relay and cannot talk to it: reload the page";
  }
  if (close.code === NO_CLOSE_FRAME && close.reason === "") return `No answer from ${host}`;
  return close.reason === "" ? `Closed with code ${close.code}` : close.reason;
}
