/** One opened run: what the worker says of it, and which part of its waterfall is looked at. */
import type { PieceColumns, RunHead, RunQuery } from "../../generated/decode_wasm.js";
import { kept } from "../../base/identity.js";
import { Channel, type Content } from "../../store/channel.js";
import type { RelayStore } from "../../store/relay.svelte.js";
import * as axis from "./axis.js";
import { runLines, type RunLine } from "./lines.js";

/** All of a run but its lines. */
export interface RunFacts {
  /** The address it was asked for by. */
  readonly run: string;
  readonly head: RunHead;
  /** Lines that are shown, the run's own among them. */
  readonly total: number;
  readonly spans: number;
  readonly troubles: number;
  readonly startUs: number;
  readonly endUs: number;
  readonly idle: readonly axis.Span[];
  readonly idleUnnamed: number;
  readonly pieces: PieceColumns;
  /** About this line: where it stands, and its neighbours in trouble. */
  readonly selected: string | null;
  readonly selectedKnown: boolean;
  readonly selectedIndex: number;
  readonly selectedParent: string;
  readonly previousTrouble: string;
  readonly nextTrouble: string;
  readonly lastTrouble: string;
  readonly previousRun: string;
  readonly nextRun: string;
}

export type Direction = "previous" | "next";

/** Often enough for the eye; to lay out a large run takes a part of a frame. */
const EVERY_MS = 50;
const EVERY_LARGE_MS = 300;
const LARGE = 5_000;
const PIECES = 400;
/** Lines that are folded, or unfolded, one by one. */
const FOLDED_MAX = 2_000;

export class RunState extends Channel<"run"> {
  override readonly name = "run";
  readonly store: RelayStore;
  /** Lines the waterfall wants; line 0 is the run itself. */
  range = $state.raw({ first: 0, count: 60 });
  facts = $state.raw<RunFacts | null>(null);
  /** Whether the worker knows of no such run, yet. */
  isUnknown = $state(false);
  errorsOnly = $state(false);
  /** Only lines that reach into what is looked at. */
  inViewOnly = $state(false);
  foldsIdle = $state(true);
  /** What of the axis is looked at; null = all of it, however it grows. */
  view = $state.raw<axis.View | null>(null);
  /** Rises whenever the line at `revealIndex` is to be brought into sight. */
  reveals = $state(0);
  revealIndex = 0;
  #folded = $state.raw<readonly string[]>([]);
  #foldsOthers = $state(false);
  #lines = $state.raw<{ first: number; lines: readonly RunLine[] }>({ first: 0, lines: [] });
  /** The line that is to be brought into sight as soon as it is known where it is. */
  #wanted: string | null = null;
  #step: { readonly direction: Direction; readonly arrives: boolean } | null = null;
  #of: string | null = null;
  readonly #toRun: (direction: Direction) => void;

  readonly axis: axis.Axis = $derived.by(() => {
    const facts = this.facts;
    if (facts === null) return axis.makeAxis({ fromUs: 0, toUs: 1 }, [], false, false);
    const { status, endUs } = facts.head;
    const open = status === "waiting" || endUs < 0;
    const whole = { fromUs: facts.startUs, toUs: facts.endUs };
    return axis.makeAxis(whole, facts.idle, this.foldsIdle, open);
  });
  /** Start of the run; where clocks disagree, something of it may lie before. */
  readonly zeroUs: number = $derived(this.facts?.head.startUs ?? 0);
  readonly seen: axis.View = $derived.by(() =>
    this.view === null ? axis.wholeOf(this.axis) : axis.within(this.axis, this.view),
  );

  /** `toRun` goes on to another run in trouble, once there is no more in this one. */
  constructor(store: RelayStore, toRun: (direction: Direction) => void) {
    super();
    this.store = store;
    this.#toRun = toRun;
  }

  protected override everyMs(): number {
    return (this.facts?.spans ?? 0) > LARGE ? EVERY_LARGE_MS : EVERY_MS;
  }

  override question(): RunQuery | null {
    const { run, span } = this.store.selection;
    if (run === null) return null;
    if (run !== this.#of) this.#begin(run, span);
    const near = this.inViewOnly && this.view !== null ? this.seen : null;
    const first = Math.max(0, this.range.first - 1);
    return {
      run,
      first,
      count: Math.max(1, this.range.first + this.range.count - 1 - first),
      folded: [...this.#folded],
      foldsOthers: this.#foldsOthers,
      errorsOnly: this.errorsOnly,
      fromUs: near === null ? null : near.fromUs,
      toUs: near === null ? null : near.toUs,
      selected: span,
      pieces: PIECES,
      foldsIdle: this.foldsIdle,
      complete: this.store.isComplete,
    };
  }

  protected override show(content: Content<"run">, question: RunQuery): void {
    if (question.run !== this.store.selection.run) return;
    this.isUnknown = "unknown" in content;
    if ("unknown" in content) {
      this.facts = null;
      return;
    }
    const { idle } = content;
    this.facts = {
      ...content,
      run: question.run,
      total: content.total + 1,
      idle: Array.from(idle.fromUs, (fromUs, at) => ({ fromUs, toUs: idle.toUs[at] ?? fromUs })),
      selected: question.selected,
    };
    const lines = runLines(content.lines, content.strings);
    this.#lines = { first: question.first, lines: kept(this.#lines.lines, lines, (one) => one.id) };
    this.#goOn(this.facts);
  }

  protected override clear(): void {
    this.facts = null;
    this.isUnknown = false;
    this.#lines = { first: 0, lines: [] };
  }

  /** The loaded line at a place of the waterfall: null for the run's own and where it has not come. */
  lineAt(index: number): RunLine | null {
    return index === 0 ? null : (this.#lines.lines[index - 1 - this.#lines.first] ?? null);
  }

  /** Place of the selected line, or -1. */
  get selectedIndex(): number {
    const { span } = this.store.selection;
    if (span === null) return 0;
    const at = this.#lines.lines.findIndex((line) => line.id === span);
    if (at >= 0) return this.#lines.first + at + 1;
    const facts = this.facts;
    return facts?.selected === span && facts.selectedIndex >= 0 ? facts.selectedIndex + 1 : -1;
  }

  /** The selected line, if it is loaded. */
  get selectedLine(): RunLine | null {
    const { span } = this.store.selection;
    return this.#lines.lines.find((line) => line.id === span) ?? null;
  }

  select(index: number): void {
    const line = this.lineAt(index);
    if (index === 0) this.store.selection.selectSpan(null);
    else if (line !== null) this.store.selection.selectSpan(line.id);
  }

  isFolded(id: string): boolean {
    return this.#folded.includes(id) !== this.#foldsOthers;
  }

  fold(id: string, folded: boolean): void {
    if (this.isFolded(id) === folded) return;
    const others = this.#folded.filter((other) => other !== id);
    const next = others.length < this.#folded.length ? others : [...others, id];
    if (next.length <= FOLDED_MAX) this.#folded = next;
    else this.store.panes.say(`No more than ${FOLDED_MAX} lines can be folded one by one`);
  }

  foldAll(folded: boolean): void {
    this.#folded = [];
    this.#foldsOthers = folded;
  }

  /** To the next error of this run; behind the last to the next run in trouble. */
  step(direction: Direction): void {
    const facts = this.facts;
    // Answered for another line: as soon as this one's neighbours are known.
    this.#step = { direction, arrives: false };
    if (facts !== null) this.#goOn(facts);
  }

  /** To the first or last error of a run that was just opened. */
  arrive(direction: Direction): void {
    this.#step = { direction, arrives: true };
  }

  zoom(factor: number, at = 0.5): void {
    const next = axis.zoomed(this.axis, this.seen, factor, at);
    const whole = axis.wholeOf(this.axis);
    const isAll = next.fromUs <= whole.fromUs && next.toUs >= whole.toUs;
    this.view = isAll ? null : next;
  }

  pan(by: number): void {
    if (this.view !== null) this.view = axis.panned(this.axis, this.seen, by);
  }

  fit(): void {
    this.view = null;
  }

  look(view: axis.View): void {
    this.view = axis.within(this.axis, view);
  }

  zoomToSelected(): void {
    const line = this.selectedLine;
    if (line === null) return;
    const toUs = line.endUs < 0 ? this.axis.endUs : line.endUs;
    this.view = axis.around(this.axis, { fromUs: line.startUs, toUs });
  }

  #begin(run: string, span: string | null): void {
    this.#of = run;
    this.facts = null;
    this.isUnknown = false;
    this.#lines = { first: 0, lines: [] };
    this.#folded = [];
    this.#foldsOthers = false;
    this.errorsOnly = false;
    this.inViewOnly = false;
    this.view = null;
    this.range = { first: 0, count: 60 };
    this.#wanted = span;
    this.revealIndex = 0;
    this.reveals += 1;
  }

  #goOn(facts: RunFacts): void {
    const { span } = this.store.selection;
    if (facts.selected !== span) return;
    if (this.#wanted !== null && this.#wanted === span) this.#reveal(facts, span);
    const step = this.#step;
    if (step === null) return;
    this.#step = null;
    const { direction, arrives } = step;
    const previous = arrives ? facts.lastTrouble : facts.previousTrouble;
    const to = direction === "next" ? facts.nextTrouble : previous;
    if (to !== "") {
      this.#wanted = to;
      this.store.selection.selectSpan(to);
    } else if (!arrives) {
      this.#toRun(direction);
    }
  }

  /** A line that is folded away or filtered out is shown again. */
  #reveal(facts: RunFacts, span: string): void {
    if (!facts.selectedKnown) return;
    if (facts.selectedIndex >= 0) {
      this.#wanted = null;
      this.revealIndex = facts.selectedIndex + 1;
      this.reveals += 1;
      return;
    }
    if (facts.selectedParent !== "") this.fold(facts.selectedParent, false);
    this.inViewOnly = false;
    if (span !== facts.nextTrouble) this.errorsOnly = false;
  }
}
