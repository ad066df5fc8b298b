/** The page's address: each part is one thing of the view, read when it is opened and kept up since. */
import { searchParams, withParams } from "../base/url.js";

/** One parameter of the address. */
export interface AddressPart {
  readonly name: string;
  /** For the help. */
  readonly shown: string;
  readonly does: string;
  /** What of it is a step that Back takes back whenever it changes; the rest the address only follows. */
  step(): string;
  /** Takes the value, or null where there is none; returns a sentence if it is not used. */
  read(value: string | null): string | null;
  /** The value, or null where the view is as it is without one. */
  write(): string | null;
}

/** Browsers refuse an address that is rewritten for every key stroke. */
const WRITE_PAUSE_MS = 400;

export class Address {
  /** One sentence for each parameter that was not understood. */
  ignored = $state.raw<readonly string[]>([]);
  readonly #parts: AddressPart[] = [];
  #steps = "";

  get parts(): readonly AddressPart[] {
    return this.#parts;
  }

  add(part: AddressPart): void {
    this.#parts.push(part);
  }

  /** Brings the view to what the address says. */
  read(): void {
    const params = searchParams(location.search);
    const sentences = this.#parts.map((part) => part.read(params.get(part.name) ?? null));
    this.ignored = sentences.filter((sentence) => sentence !== null);
    this.#steps = this.#stepsNow();
  }

  /** For an effect: writes what of the view has changed; steps at once, the rest when it rests. */
  keep(): () => void {
    const search = this.#search();
    const steps = this.#stepsNow();
    const url = `${location.pathname}${search}${location.hash}`;
    if (steps !== this.#steps) {
      this.#steps = steps;
      if (search !== location.search) history.pushState(null, "", url);
      return () => undefined;
    }
    const timer = setTimeout(() => {
      if (search !== location.search) history.replaceState(history.state, "", url);
    }, WRITE_PAUSE_MS);
    return () => {
      clearTimeout(timer);
    };
  }

  /** The address of the view with these parts put in another way. */
  linkWith(values: Readonly<Record<string, string | null>>): string {
    return `${location.origin}${location.pathname}${this.#search(values)}`;
  }

  /** The search part with the view put in; parameters of nobody here stay as they are. */
  #search(other: Readonly<Record<string, string | null>> = {}): string {
    const valueOf = (part: AddressPart): string | null => other[part.name] ?? part.write();
    return withParams(
      location.search,
      this.#parts.map((part) => [part.name, valueOf(part)]),
    );
  }

  #stepsNow(): string {
    return JSON.stringify(this.#parts.map((part) => part.step()));
  }
}
