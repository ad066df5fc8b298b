// Starts the Rust module, which from then on owns the socket, the decoder and the history.
import init, { startWorker, type WorkerMessage } from "../generated/decode_wasm.js";

try {
  await init();
  startWorker();
} catch (error) {
  // A rejected start is no error event for the page, so it is told in a message.
  const failed: WorkerMessage = {
    type: "failed",
    message: `The decoder did not start: ${String(error)}`,
  };
  self.postMessage(failed);
}
