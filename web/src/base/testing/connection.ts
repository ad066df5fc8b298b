/** A connection that is live; for tests only. */
import type { ConnectionView } from "../../generated/decode_wasm.js";

export const CONNECTION: ConnectionView = {
  phase: "live",
  epoch: 1,
  retryAtMs: null,
  lastClose: null,
  notice: "",
  relayVersion: "0.0.0",
  topic: "topic",
  namespace: "",
  mode: "strict",
  replayProgress: null,
  problems: [],
  unackedBytes: 0,
  backlogFrames: 0,
  backlogMessages: 0,
  meanApplyLagMs: 0,
  applyLagMs: 0,
  remaining: 0,
};
