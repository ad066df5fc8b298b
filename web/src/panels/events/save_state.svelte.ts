/** The event list on its way into a capture file. */
import type { EventsQuery } from "../../generated/decode_wasm.js";
import { byteSize, plural } from "../../base/format.js";
import { download } from "../../base/download.js";
import type { RelayStore } from "../../store/relay.svelte.js";
import { fileName, leftOutText, metadataOf } from "./saving.js";

export class SaveState {
  /** Bytes so far, or null while nothing is saved. */
  bytes = $state<number | null>(null);
  /** What became of the last one. */
  said = $state("");
  readonly #store: RelayStore;
  readonly #list: () => EventsQuery;

  constructor(store: RelayStore, list: () => EventsQuery) {
    this.#store = store;
    this.#list = list;
  }

  async save(): Promise<void> {
    if (this.bytes !== null) return;
    if (!this.#store.worker.isUp) {
      this.said = "Nothing can be saved while the decoder is not running.";
      return;
    }
    this.bytes = 0;
    this.said = "";
    try {
      this.said = await this.#saved();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.said = `The capture could not be saved: ${why}`;
    } finally {
      this.bytes = null;
    }
    this.#store.panes.say(this.said);
  }

  /** Hands the file to the browser, and says what is in it. */
  async #saved(): Promise<string> {
    const list = this.#list();
    const { source, topic } = this.#source();
    const nowMs = Date.now();
    const about = { version: this.#store.worker.coreVersion, source, nowMs };
    const file = await this.#store.saves.save(
      list,
      (counts) => metadataOf(list, counts, about),
      (bytes) => {
        this.bytes = bytes;
      },
    );
    if (file === null) return "What was to be saved is no longer in memory.";
    const { parts, counts } = file;
    const size = parts.reduce((sum, part) => sum + part.size, 0);
    download(fileName(topic, nowMs), [...parts], "application/octet-stream");
    const records = plural(counts.frames, "record");
    const held = `${plural(counts.rows, "row")} saved, ${records}, ${byteSize(size)}.`;
    return `${held} ${leftOutText(list, counts)}`.trim();
  }

  /** What the stream is known by. */
  #source(): { source: Readonly<Record<string, string>>; topic: string } {
    const { capture, connection } = this.#store;
    if (capture.isOpen) return { source: capture.about.kept, topic: capture.about.topic };
    const view = connection.view;
    if (view === null) return { source: {}, topic: "" };
    const { topic, mode, relayVersion } = view;
    return { source: { topic, mode, relayVersion }, topic };
  }
}
