// Starts the Rust module, which from then on owns the socket, the decoder and the history. The page gives
// the compiled module, or null where it could not get it: then the worker tries, and its error is what the
// page shows.
import init, { startWorker, type WorkerMessage } from "../generated/decode_wasm.js";

// Until then the page may say other things, such as that it woke: they are for a worker that runs.
self.onmessage = ({ data }: MessageEvent<unknown>) => {
  if (data !== null && !(data instanceof WebAssembly.Module)) return;
  self.onmessage = null;
  void start(data);
};

async function start(module: WebAssembly.Module | null): Promise<void> {
  try {
    await (module === null ? init() : init({ module_or_path: module }));
    startWorker();
  } catch (error) {
    // A rejected start is no error event for the page, so it is told in a message.
    const failed: WorkerMessage = {
      type: "failed",
      message: `The decoder did not start: ${String(error)}`,
    };
    self.postMessage(failed);
  }
}
