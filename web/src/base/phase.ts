/** The connection's phases in words, and how each is coloured. */
import type { ConnectionPhase } from "../generated/decode_wasm.js";

export type PhaseTone = "good" | "busy" | "bad" | "off";

export interface PhaseText {
  readonly words: string;
  readonly tone: PhaseTone;
}

export function phaseText(phase: ConnectionPhase): PhaseText {
  switch (phase) {
    case "idle":
      return { words: "Starting", tone: "off" };
    case "connecting":
      return { words: "Connecting", tone: "busy" };
    case "resuming":
      return { words: "Agreeing where to start", tone: "busy" };
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
