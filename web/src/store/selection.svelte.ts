/**
 * What a person looks at, whichever panel they chose it in: the filter of the events, the open record, the
 * open run and the span of it that is selected.
 */
import { FILTER_CHARS_MAX } from "../base/url.js";

/** The address of an event. */
export interface Place {
  readonly partition: number;
  readonly offset: string;
  /** Of an event in a batch: its place there. */
  readonly index?: number;
}

/** An address as texts have it: PARTITION:OFFSET, and :INDEX for an event in a batch but the first. */
export function placeText({ partition, offset, index = 0 }: Place): string {
  return index === 0 ? `${partition}:${offset}` : `${partition}:${offset}:${index}`;
}

/** The address a text says, or null. */
export function placeOf(text: string): Place | null {
  const found = /^(\d{1,9}):(\d{1,19})(?::(\d{1,6}))?$/u.exec(text);
  if (found === null) return null;
  const place = { partition: Number(found[1]), offset: found[2] ?? "" };
  return found[3] === undefined ? place : { ...place, index: Number(found[3]) };
}

/** An address as the worker and `run=` have it, the place in a batch always said. */
export function fullPlace({ partition, offset, index = 0 }: Place): string {
  return `${partition}:${offset}:${index}`;
}

/** Events of one run, or of one attempt of it. */
export interface Within {
  /** The run, by the address of its first event. */
  readonly run: string;
  readonly attempt: number | null;
}

/** A place in the event list to go to. */
export interface Jump {
  readonly place: Place | null;
  /** Kafka time, where no place is wanted. */
  readonly timeMs: number | null;
  /** What has not come yet is waited for. */
  readonly waits: boolean;
}

export class Selection {
  text = $state("");
  thread = $state<string | null>(null);
  node = $state<string | null>(null);
  within = $state.raw<Within | null>(null);
  /** Where the list is to go; a new object goes there again. */
  jump = $state.raw<Jump | null>(null);
  kinds = $state.raw<readonly string[]>([]);
  troubleOnly = $state(false);
  /** Row whose record is open. */
  row = $state<number | null>(null);
  /** Where that record is, or the place whose record is wanted before its row is known. */
  place = $state.raw<Place | null>(null);
  /** Rises whenever a record is closed. */
  closes = $state(0);
  /** The open run, by the address of its first event: `PARTITION:OFFSET:INDEX`. */
  run = $state<string | null>(null);
  /**
   * The selected line of that run, by the address of its first event. Where several begin with one event,
   * which of them stands behind it: the number of the branch, or what is missing or waited for.
   */
  span = $state<string | null>(null);
  /** Rises whenever other rows are selected: a list then shows its top. */
  turn = $state(0);

  readonly filtered = $derived(
    this.text.trim() !== "" ||
      this.thread !== null ||
      this.node !== null ||
      this.within !== null ||
      this.kinds.length > 0 ||
      this.troubleOnly,
  );
  readonly isOpen = $derived(this.row !== null || this.place !== null);

  setText(text: string): void {
    this.text = text.slice(0, FILTER_CHARS_MAX);
    this.turn += 1;
  }

  setThread(thread: string | null): void {
    this.thread = thread;
    this.turn += 1;
  }

  setNode(node: string | null): void {
    this.node = node;
    this.turn += 1;
  }

  setWithin(within: Within | null): void {
    this.within = within;
    this.turn += 1;
  }

  /** Narrows the event list to a run or to one of its attempts, and to nothing else. */
  showWithin(run: string, attempt: number | null = null): void {
    this.clearFilter();
    this.within = { run, attempt };
  }

  /** Shows the event list where an event is, with everything around it, and opens the event. */
  showAt(place: Place): void {
    this.clearFilter();
    this.goTo(place);
  }

  /** Brings an event into the list's view and opens it. */
  goTo(place: Place, waits = false): void {
    this.jump = { place, timeMs: null, waits };
  }

  goToTime(timeMs: number): void {
    this.jump = { place: null, timeMs, waits: false };
  }

  setKinds(kinds: readonly string[]): void {
    this.kinds = kinds;
    this.turn += 1;
  }

  toggleKind(kind: string): void {
    const off = this.kinds.filter((other) => other !== kind);
    this.setKinds(off.length < this.kinds.length ? off : [...this.kinds, kind]);
  }

  setTroubleOnly(on: boolean): void {
    this.troubleOnly = on;
    this.turn += 1;
  }

  clearFilter(): void {
    this.text = "";
    this.thread = null;
    this.node = null;
    this.within = null;
    this.kinds = [];
    this.troubleOnly = false;
    this.turn += 1;
  }

  open(row: number, place: Place | null): void {
    this.row = row;
    this.place = place;
  }

  /** The record at a place, whose row is not known yet. False where it is open. */
  openPlace(place: Place): boolean {
    if (this.place !== null && placeText(this.place) === placeText(place)) return false;
    this.row = null;
    this.place = place;
    return true;
  }

  close(): void {
    if (!this.isOpen) return;
    this.row = null;
    this.place = null;
    // Who closed it does not want it opened once the list has found it.
    this.jump = null;
    this.closes += 1;
  }

  /** Opens a run, and in it a span. */
  openRun(address: string, span: string | null = null): void {
    this.run = address;
    this.span = span;
  }

  /** Goes back to all runs. */
  closeRun(): void {
    this.run = null;
    this.span = null;
  }

  selectSpan(span: string | null): void {
    this.span = this.run === null ? null : span;
  }

  /** Row ids of a worker that is gone mean nothing to the next one; places do. */
  forgetRow(): void {
    this.row = null;
  }
}
