/**
 * What the event list shows as a capture file. The worker makes it piece by piece, each when the one
 * before it has been put away as a part of a blob, which the browser may keep on disk.
 */
import type {
  EventsQuery,
  PageMessage,
  SavedCounts,
  SavedMessage,
} from "../generated/decode_wasm.js";

export interface SavedFile {
  readonly parts: readonly Blob[];
  readonly counts: SavedCounts;
}

/** Bytes by which the metadata may grow until the counts are known. */
const GROWS_BYTES = 1024;
const NONE: SavedCounts = { over: false, rows: 0, frames: 0, lost: 0, evicted: 0 };

export class Saves {
  readonly #post: (message: PageMessage) => void;
  #waiting: ((answer: SavedMessage) => void) | null = null;
  #nextId = 1;

  constructor(post: (message: PageMessage) => void) {
    this.#post = post;
  }

  /**
   * Makes the file, whose metadata is written once the counts are known. Null where what was to be saved
   * went away meanwhile. One at a time.
   */
  async save(
    list: EventsQuery,
    metadata: (counts: SavedCounts) => string,
    progress: (bytes: number) => void,
  ): Promise<SavedFile | null> {
    const encoder = new TextEncoder();
    const metadataBytes = encoder.encode(metadata(NONE)).length + GROWS_BYTES;
    const parts: Blob[] = [];
    let bytes = 0;
    let answer = await this.#ask({ type: "save", id: this.#nextId, list, metadataBytes });
    while (answer.bytes !== undefined) {
      parts.push(new Blob([answer.bytes]));
      bytes += answer.bytes.length;
      progress(bytes);
      if (answer.over) break;
      answer = await this.#ask({ type: "saveOn", id: this.#nextId, metadata: "" });
    }
    if (answer.bytes === undefined) return null;
    const counts = answer;
    const text = metadata(counts);
    const padding = " ".repeat(metadataBytes - encoder.encode(text).length);
    const head = await this.#ask({
      type: "saveOn",
      id: this.#nextId,
      metadata: `${text}${padding}`,
    });
    if (head.bytes === undefined) return null;
    return { parts: [new Blob([head.bytes]), ...parts], counts };
  }

  answer(message: SavedMessage): void {
    // What an earlier worker was asked is of no file.
    if (message.id === this.#nextId - 1) this.#waiting?.(message);
  }

  /** What was to be saved is gone. */
  forget(): void {
    this.#waiting?.({ type: "saved", id: 0 });
  }

  #ask(message: PageMessage): Promise<SavedMessage> {
    this.#nextId += 1;
    return new Promise((resolve) => {
      this.#waiting = (answer) => {
        this.#waiting = null;
        resolve(answer);
      };
      this.#post(message);
    });
  }
}
