/** The capture that is open in place of the relay. */
import type { FileQuery, FileView, PageMessage } from "../generated/decode_wasm.js";
import { Channel } from "./channel.js";

/** What a capture's writer says of it, as far as the page shows that. */
export interface About {
  readonly topic: string;
  readonly startedAt: string;
  /** One sentence on what was left out when it was saved, or empty. */
  readonly leftOut: string;
  /** What a capture of a part of it says again. */
  readonly kept: Readonly<Record<string, string>>;
}

/** Of what a writer says, what holds for every part of the capture. */
const KEPT = ["topic", "mode", "namespace", "relayVersion", "startedAt", "leftOut"] as const;

const EVERY_MS = 100;

export class CaptureState extends Channel<"file"> {
  override readonly name = "file";
  /** The file that is open, from the moment it was chosen. */
  file = $state.raw<File | null>(null);
  view = $state.raw<FileView | null>(null);
  readonly isOpen = $derived(this.file !== null);
  readonly isReading = $derived(this.isOpen && (this.view?.state ?? "reading") === "reading");
  /** Fraction that was read. */
  readonly progress = $derived(
    this.view === null || this.view.bytes === 0 ? 0 : this.view.readBytes / this.view.bytes,
  );
  readonly about = $derived(aboutOf(this.view?.metadata ?? ""));
  readonly #post: (message: PageMessage) => void;

  constructor(post: (message: PageMessage) => void) {
    super();
    this.#post = post;
  }

  protected override everyMs(): number {
    return EVERY_MS;
  }

  override question(): FileQuery | null {
    return this.isOpen ? {} : null;
  }

  protected override show(view: FileView): void {
    this.view = view.name === "" ? null : view;
  }

  protected override clear(): void {
    this.view = null;
  }

  /** Tells the worker to read it; the store has forgotten what was there before. */
  open(file: File): void {
    this.file = file;
    this.#post({ type: "open", file });
  }

  /** Leaves the rest of the file unread. */
  stop(): void {
    this.#post({ type: "stopReading" });
  }
}

function aboutOf(metadata: string): About {
  const none = { topic: "", startedAt: "", leftOut: "", kept: {} };
  if (metadata === "") return none;
  try {
    const said: unknown = JSON.parse(metadata);
    if (typeof said !== "object" || said === null) return none;
    const text = (name: string): string => {
      const value: unknown = Reflect.get(said, name);
      return typeof value === "string" ? value.slice(0, 500) : "";
    };
    const kept = KEPT.map((name) => [name, text(name)] as const);
    return {
      topic: text("topic"),
      startedAt: text("startedAt"),
      leftOut: text("leftOut"),
      kept: Object.fromEntries(kept.filter(([, said]) => said !== "")),
    };
  } catch {
    return none;
  }
}
