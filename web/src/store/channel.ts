/**
 * One panel's line to the worker. The query loop asks it what it wants; it remembers which answer it
 * holds, so that the worker need not repeat what the page knows.
 */
import type {
  PanelAnswers,
  PanelName,
  PanelQuestions,
  Versioned,
  PanelContents,
} from "../generated/decode_wasm.js";

export type Content<N extends PanelName> = Versioned<PanelContents[N]>;
/** The panels of one query, each with its question and the version that is known. */
export type Asking = Record<string, object>;

interface Asked<N extends PanelName> {
  readonly key: string;
  readonly question: PanelQuestions[N];
}

export abstract class Channel<N extends PanelName> {
  abstract readonly name: N;
  #key = "";
  #version = 0;
  #dueMs = 0;
  #asked: Asked<N> | null = null;

  /** Shortest time between two answers to the same question. */
  protected everyMs(): number {
    return IDLE_MS;
  }

  /** What is wanted for what is on the screen, or null while nothing is. Read every frame. */
  abstract question(): PanelQuestions[N] | null;
  /** Takes an answer that differs from the one before. */
  protected abstract show(content: Content<N>, question: PanelQuestions[N]): void;
  /** The worker that answered is gone, or starts over. */
  protected abstract clear(): void;

  /** Whether it has something new to ask, or its answer may be out of date. */
  isDue(nowMs: number): boolean {
    const question = this.question();
    return question !== null && (nowMs >= this.#dueMs || JSON.stringify(question) !== this.#key);
  }

  /** Puts its question into a query. */
  ask(into: Asking): void {
    const question = this.question();
    if (question === null) return;
    const key = JSON.stringify(question);
    this.#asked = { key, question };
    into[this.name] = { ...question, known: key === this.#key ? this.#version : 0 };
  }

  /** Takes its part of the answer to a query. */
  take(panels: PanelAnswers, nowMs: number, idle: boolean): void {
    const asked = this.#asked;
    if (asked === null) return;
    this.#asked = null;
    const content: Content<N> | null | undefined = panels[this.name];
    // Not ready yet: what is shown stays, and is asked for again in the next frame.
    if (content === null) return;
    this.#key = asked.key;
    this.#dueMs = nowMs + (idle ? IDLE_MS : this.everyMs());
    if (content === undefined) return;
    this.#version = content.version;
    this.show(content, asked.question);
  }

  forget(): void {
    this.#key = "";
    this.#version = 0;
    this.#dueMs = 0;
    this.#asked = null;
    this.clear();
  }
}

/** The same while nothing changes: the worker has the core for itself. */
const IDLE_MS = 200;
