/** The selected line from inside: messages, what they say, the text of a model's answer. */
import type { SpanQuery } from "../../generated/decode_wasm.js";
import { textAt } from "../../base/columns.js";
import { kept } from "../../base/identity.js";
import { Channel, type Content } from "../../store/channel.js";
import type { RelayStore } from "../../store/relay.svelte.js";

export interface MessageRow {
  readonly at: string;
  readonly row: number;
  readonly role: string;
  readonly eventType: number;
  readonly timeUs: number;
  readonly node: string;
  readonly key: string;
  readonly number: number;
}

export interface SaidRow {
  readonly place: number;
  readonly name: string;
  readonly text: string;
  readonly bytes: number;
  readonly unit: string;
}

export interface TextWindow {
  readonly text: string;
  readonly fromByte: number;
  readonly toByte: number;
  readonly bytes: number;
  readonly pieces: number;
  readonly missing: number;
  readonly notHeld: number;
  readonly restarts: number;
}

/** Messages of a page of the list. */
export const MESSAGES = 50;
/** Bytes of a text that are shown at once. */
export const TEXT_BYTES = 32 * 1024;
/** The end of a text that grows is not asked for anew for each piece. */
const TEXT_STEP = 4 * 1024;
const EVERY_MS = 100;
const EVERY_LARGE_MS = 500;
const LARGE = 5_000;

export class DetailState extends Channel<"span"> {
  override readonly name = "span";
  readonly store: RelayStore;
  messages = $state.raw<readonly MessageRow[]>([]);
  total = $state(0);
  said = $state.raw<readonly SaidRow[]>([]);
  leftOut = $state(0);
  text = $state.raw<TextWindow | null>(null);
  isKnown = $state(false);
  /** First message of the page. */
  first = $state(0);
  /** Byte from which on the text is shown; null = its end, as it grows. */
  textFrom = $state<number | null>(null);
  #of = "";

  constructor(store: RelayStore) {
    super();
    this.store = store;
  }

  protected override everyMs(): number {
    return this.total > LARGE ? EVERY_LARGE_MS : EVERY_MS;
  }

  override question(): SpanQuery | null {
    const { run, span } = this.store.selection;
    if (run === null) return null;
    const of = `${run} ${span ?? ""}`;
    if (of !== this.#of) this.#begin(of);
    const end = (this.text?.bytes ?? 0) - TEXT_BYTES;
    const textFrom = this.textFrom ?? Math.max(0, Math.ceil(end / TEXT_STEP) * TEXT_STEP);
    const window = { first: this.first, count: MESSAGES, textMax: TEXT_BYTES };
    return { run, line: span, ...window, textFrom };
  }

  protected override show(content: Content<"span">, question: SpanQuery): void {
    const { run, span } = this.store.selection;
    if (question.run !== run || question.line !== span) return;
    this.isKnown = true;
    this.total = content.total;
    this.leftOut = content.leftOut;
    this.messages = kept(this.messages, messagesOf(content), (message) => message.at);
    this.said = kept(this.said, saidOf(content), (said) => said.place);
    this.text = content.hasText
      ? {
          text: content.text,
          fromByte: content.textFrom,
          toByte: content.textFrom + content.textLength,
          bytes: content.textBytes,
          pieces: content.pieces,
          missing: content.missing,
          notHeld: content.notHeld,
          restarts: content.restarts,
        }
      : null;
  }

  protected override clear(): void {
    this.#of = "";
  }

  #begin(of: string): void {
    this.#of = of;
    this.isKnown = false;
    this.messages = [];
    this.total = 0;
    this.said = [];
    this.leftOut = 0;
    this.text = null;
    this.first = 0;
    this.textFrom = null;
  }
}

function messagesOf({ messages, strings }: Content<"span">): MessageRow[] {
  return Array.from(messages.at, (number, at) => ({
    at: textAt(strings, number),
    row: messages.row[at] ?? -1,
    role: textAt(strings, messages.role[at]),
    eventType: messages.eventType[at] ?? 0,
    timeUs: messages.timeUs[at] ?? 0,
    node: textAt(strings, messages.node[at]),
    key: textAt(strings, messages.key[at]),
    number: messages.number[at] ?? 0,
  }));
}

function saidOf({ said, strings }: Content<"span">): SaidRow[] {
  return Array.from(said.name, (number, at) => ({
    place: at,
    name: textAt(strings, number),
    text: textAt(strings, said.text[at]),
    bytes: said.bytes[at] ?? 0,
    unit: textAt(strings, said.unit[at]),
  }));
}
