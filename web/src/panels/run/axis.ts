/**
 * The time axis of a waterfall. Where nothing went on for long it can be folded: then such a time is drawn
 * narrow, and every instant still has a place of its own on it and can be had back from it.
 */

export interface Span {
  readonly fromUs: number;
  readonly toUs: number;
}

/** A part of the axis on which places are proportional to times. */
interface Stretch extends Span {
  /** Place where it begins, and its length there. */
  readonly at: number;
  readonly length: number;
  readonly folded: boolean;
}

export interface Axis {
  readonly stretches: readonly Stretch[];
  readonly startUs: number;
  readonly endUs: number;
  /** Length of all of it; a place is 0 to this. */
  readonly length: number;
  readonly foldedUs: number;
}

/** A folded time is drawn as long as this part of what is not folded, all of them as long as that. */
const FOLD_SHARE = 0.02;
const FOLDS_SHARE = 0.3;
/** Room behind the end for what is open. */
const TAIL_SHARE = 0.03;
/** Nothing shorter can be looked at. */
const VIEW_US_MIN = 10;

export function makeAxis(whole: Span, idle: readonly Span[], folds: boolean, open: boolean): Axis {
  const startUs = whole.fromUs;
  const tail = open ? Math.max(1, (whole.toUs - startUs) * TAIL_SHARE) : 0;
  let endUs = Math.max(whole.toUs, startUs + 1);
  const folded = folds ? idle.filter((time) => time.fromUs >= startUs && time.toUs <= endUs) : [];
  const foldedUs = folded.reduce((sum, time) => sum + (time.toUs - time.fromUs), 0);
  const busy = Math.max(1, endUs - startUs - foldedUs);
  const each = busy * Math.min(FOLD_SHARE, FOLDS_SHARE / Math.max(1, folded.length));
  if (open) endUs += folded.length === 0 ? tail : busy * TAIL_SHARE;
  const stretches: Stretch[] = [];
  let at = 0;
  let fromUs = startUs;
  const add = (toUs: number, length: number, isFolded: boolean): void => {
    if (toUs > fromUs) {
      stretches.push({ fromUs, toUs, at, length, folded: isFolded });
      at += length;
    }
    fromUs = toUs;
  };
  for (const time of folded) {
    add(time.fromUs, time.fromUs - fromUs, false);
    add(time.toUs, Math.min(each, time.toUs - time.fromUs), true);
  }
  add(endUs, endUs - fromUs, false);
  return { stretches, startUs, endUs, length: at, foldedUs };
}

/** The place of an instant; beyond the ends the axis goes on as if it were not folded there. */
export function placeOf(axis: Axis, us: number): number {
  if (us <= axis.startUs) return us - axis.startUs;
  if (us >= axis.endUs) return axis.length + (us - axis.endUs);
  const stretch = axis.stretches[search(axis.stretches, (one) => one.fromUs <= us)];
  if (stretch === undefined) return 0;
  const part = (us - stretch.fromUs) / (stretch.toUs - stretch.fromUs);
  return stretch.at + part * stretch.length;
}

/** The instant at a place. */
export function instantAt(axis: Axis, place: number): number {
  if (place <= 0) return axis.startUs + place;
  if (place >= axis.length) return axis.endUs + (place - axis.length);
  const stretch = axis.stretches[search(axis.stretches, (one) => one.at <= place)];
  if (stretch === undefined) return axis.startUs;
  return stretch.fromUs + ((place - stretch.at) / stretch.length) * (stretch.toUs - stretch.fromUs);
}

/** Index of the last stretch for which it holds; it holds for a first part of them. */
function search(stretches: readonly Stretch[], holds: (one: Stretch) => boolean): number {
  let low = 0;
  let high = stretches.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const one = stretches[middle];
    if (one !== undefined && holds(one)) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

/** The part of the axis that is looked at, in instants, so that folding moves nothing out of sight. */
export type View = Span;

export function wholeOf(axis: Axis): View {
  return { fromUs: axis.startUs, toUs: axis.endUs };
}

/** A view as part of the axis, so that one never looks past an end. */
export function within(axis: Axis, view: View): View {
  return between(axis, placeOf(axis, view.fromUs), placeOf(axis, view.toUs));
}

/** Twice as near is 0.5; what is at `at`, 0 to 1 of the view, stays there. */
export function zoomed(axis: Axis, view: View, factor: number, at: number): View {
  const from = placeOf(axis, view.fromUs);
  const length = placeOf(axis, view.toUs) - from;
  const next = Math.min(axis.length, Math.max(VIEW_US_MIN, length * factor));
  const start = from + (length - next) * at;
  return between(axis, start, start + next);
}

/** Moved by a part of what is seen. */
export function panned(axis: Axis, view: View, by: number): View {
  const from = placeOf(axis, view.fromUs);
  const length = placeOf(axis, view.toUs) - from;
  return between(axis, from + length * by, from + length * (1 + by));
}

/** A time with some room on both sides. */
export function around(axis: Axis, time: Span): View {
  const from = placeOf(axis, time.fromUs);
  const to = placeOf(axis, time.toUs);
  const room = Math.max((to - from) * 0.25, VIEW_US_MIN);
  return between(axis, from - room, to + room);
}

function between(axis: Axis, from: number, to: number): View {
  const length = Math.min(axis.length, Math.max(to - from, Math.min(VIEW_US_MIN, axis.length)));
  const start = Math.min(Math.max(0, from), axis.length - length);
  return { fromUs: instantAt(axis, start), toUs: instantAt(axis, start + length) };
}

/** From instants to pixels of a width; what is out of sight is less than 0 or more than the width. */
export function scaleOf(axis: Axis, view: View, width: number): (us: number) => number {
  const from = placeOf(axis, view.fromUs);
  const length = Math.max(1e-9, placeOf(axis, view.toUs) - from);
  return (us) => ((placeOf(axis, us) - from) / length) * width;
}

export interface Tick {
  readonly us: number;
  readonly x: number;
  /** Where a folded time begins: how long it is. */
  readonly foldedUs: number;
}

const TICK_PX = 90;
/** Steps that people count in, µs. */
const MINUTE = 60_000_000;
const LONG_STEPS = [1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE);

/** A round step for ticks at least so far apart. */
export function tickStep(leastUs: number): number {
  for (const seconds of [1, 2, 5, 10, 15, 30]) {
    const step = seconds * 1_000_000;
    if (leastUs > 500_000 && step >= leastUs) return step;
  }
  const long = LONG_STEPS.find((step) => step >= leastUs);
  if (leastUs > 30_000_000) return long ?? round(leastUs / (60 * MINUTE)) * 60 * MINUTE;
  return round(Math.max(1, leastUs));
}

/** 1, 2 or 5 times a power of ten, not less. */
function round(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const digit = [1, 2, 5].find((one) => one * power >= value) ?? 10;
  return digit * power;
}

/** Ticks at round distances from `zeroUs`, and one where each folded time begins. */
export function ticksOf(axis: Axis, view: View, width: number, zeroUs = axis.startUs): Tick[] {
  if (width < TICK_PX) return [];
  const scale = scaleOf(axis, view, width);
  const length = placeOf(axis, view.toUs) - placeOf(axis, view.fromUs);
  const step = tickStep((length / width) * TICK_PX);
  const ticks: Tick[] = [];
  let lastX = -TICK_PX;
  const add = (us: number, foldedUs: number): void => {
    const x = scale(us);
    if (x < 0 || x > width - TICK_PX / 2 || x - lastX < TICK_PX * 0.75) return;
    ticks.push({ us, x, foldedUs });
    lastX = x;
  };
  for (const stretch of axis.stretches) {
    if (stretch.toUs < view.fromUs || stretch.fromUs > view.toUs) continue;
    if (stretch.folded) {
      add(stretch.fromUs, stretch.toUs - stretch.fromUs);
      continue;
    }
    const from = Math.max(stretch.fromUs, view.fromUs);
    const to = Math.min(stretch.toUs, view.toUs);
    let number = Math.ceil((from - zeroUs) / step);
    for (; zeroUs + number * step <= to; number += 1) add(zeroUs + number * step, 0);
  }
  return ticks;
}
