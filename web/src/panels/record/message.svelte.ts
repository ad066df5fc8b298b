/** The message as a tree of which the worker gives the lines on the screen. */
import type { MessageQuery } from "../../generated/decode_wasm.js";
import { textAt } from "../../base/columns.js";
import { Channel, type Content } from "../../store/channel.js";
import type { OpenRecord } from "./open.js";

export interface Line {
  readonly id: number;
  readonly depth: number;
  readonly key: string;
  readonly kind: string;
  readonly text: string;
  readonly bytes: number;
  /** -1 where they were not counted. */
  readonly members: number;
  readonly canOpen: boolean;
  readonly isOpen: boolean;
  readonly note: string;
  readonly noteValue: number;
}

/** So many containers keep that they were opened or closed; the one turned the longest ago goes first. */
const TOGGLED_MAX = 1000;
export const SEARCH_CHARS_MAX = 200;

export class MessageState extends Channel<"message"> {
  override readonly name = "message";
  readonly #record: OpenRecord;
  range = $state.raw({ first: 0, count: 60 });
  toggled = $state.raw<readonly number[]>([]);
  search = $state("");
  /** Which hit is wanted. */
  hit = $state(0);
  /** The value that is chosen. */
  chosen = $state<number | null>(null);
  total = $state(0);
  hits = $state(0);
  cut = $state(false);
  pointer = $state("");
  found = $state(-1);
  /** The line to bring into view. */
  showing = $state.raw<{ readonly index: number } | null>(null);
  #lines = $state.raw<{ first: number; lines: readonly Line[] }>({ first: 0, lines: [] });
  #shownHit = "";

  constructor(record: OpenRecord) {
    super();
    this.#record = record;
  }

  /** Another message. */
  begin(): void {
    this.toggled = [];
    this.chosen = null;
    this.hit = 0;
    this.clear();
  }

  override question(): MessageQuery | null {
    const { row, whole, tab, view } = this.#record;
    if (row === null || tab !== "decoded" || view?.hasMessage !== true) return null;
    const search = this.search.trim();
    return {
      row,
      whole,
      ...this.range,
      toggled: [...this.toggled],
      search,
      hit: search === "" ? null : this.hit,
      chosen: this.chosen,
    };
  }

  protected override show(content: Content<"message">, question: MessageQuery): void {
    if (question.row !== this.#record.row) return;
    this.total = content.total;
    this.hits = content.hits;
    this.cut = content.cut;
    this.pointer = content.pointer;
    this.found = content.found;
    this.#lines = { first: question.first, lines: linesOf(content) };
    const hit = `${question.search}\n${question.hit ?? ""}`;
    if (content.foundLine >= 0 && hit !== this.#shownHit) {
      this.showing = { index: content.foundLine };
    }
    this.#shownHit = hit;
  }

  protected override clear(): void {
    this.total = 0;
    this.hits = 0;
    this.found = -1;
    this.pointer = "";
    this.showing = null;
    this.#lines = { first: 0, lines: [] };
    this.#shownHit = "";
  }

  lineAt(index: number): Line | null {
    return this.#lines.lines[index - this.#lines.first] ?? null;
  }

  /** The chosen line, while it is among those that are loaded. */
  get chosenLine(): Line | null {
    return this.#lines.lines.find((line) => line.id === this.chosen) ?? null;
  }

  choose(line: Line): void {
    this.chosen = line.id;
  }

  toggle(line: Line): void {
    if (!line.canOpen) return;
    const rest = this.toggled.filter((id) => id !== line.id);
    this.toggled =
      rest.length < this.toggled.length ? rest : [...rest, line.id].slice(-TOGGLED_MAX);
  }

  /** Arrow keys of a tree: right opens, left closes; true where the key did something. */
  key(index: number, key: string): boolean {
    const line = this.lineAt(index);
    const turns =
      (key === "ArrowRight" && line?.isOpen === false) ||
      (key === "ArrowLeft" && line?.isOpen === true);
    if (line === null || !turns || !line.canOpen) return false;
    this.toggle(line);
    return true;
  }

  setSearch(text: string): void {
    this.search = text.slice(0, SEARCH_CHARS_MAX);
    this.hit = 0;
  }

  /** The next hit, or the one before; around at the ends. */
  step(by: 1 | -1): void {
    if (this.hits > 0) this.hit = (this.hit + by + this.hits) % this.hits;
  }
}

function linesOf({ lines, strings }: Content<"message">): Line[] {
  return Array.from(lines.id, (id, at) => ({
    id,
    depth: lines.depth[at] ?? 0,
    key: textAt(strings, lines.key[at]),
    kind: textAt(strings, lines.kind[at]),
    text: textAt(strings, lines.text[at]),
    bytes: lines.bytes[at] ?? 0,
    members: lines.members[at] ?? -1,
    canOpen: lines.canOpen[at] === 1,
    isOpen: lines.isOpen[at] === 1,
    note: textAt(strings, lines.note[at]),
    noteValue: lines.noteValue[at] ?? 0,
  }));
}
