/** Draws the bars of the waterfall and the picture of the whole run; rows say the same as text. */
import type { PieceColumns } from "../../generated/decode_wasm.js";
import * as axis from "./axis.js";
import type { RunLine } from "./lines.js";

/** Colours of the theme in force, as the browser has resolved them. */
export type Palette = Readonly<
  Record<"node" | "llm" | "tool" | "bad" | "warn" | "line" | "text" | "soft", string>
>;

export interface Bars {
  readonly lines: readonly (RunLine | null)[];
  readonly axis: axis.Axis;
  readonly view: axis.View;
  /** The run itself, whose bar is the first line's. */
  readonly run: {
    readonly startUs: number;
    readonly endUs: number;
    readonly failed: boolean;
  } | null;
  readonly selected: number;
  readonly rowHeight: number;
}

/** However short, a bar can be seen. */
const BAR_PX_MIN = 2;
const PAD_PX = 6;

/** A canvas of this size in CSS pixels, sharp on this screen. */
export function sized(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
): CanvasRenderingContext2D | null {
  const ratio = devicePixelRatio;
  const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== h) canvas.height = h;
  const context = canvas.getContext("2d");
  context?.setTransform(ratio, 0, 0, ratio, 0, 0);
  context?.clearRect(0, 0, width, height);
  return context;
}

export function drawBars(
  to: CanvasRenderingContext2D,
  width: number,
  bars: Bars,
  palette: Palette,
): void {
  const scale = axis.scaleOf(bars.axis, bars.view, width);
  const height = bars.lines.length * bars.rowHeight;
  drawFolds(to, scale, { width, height }, bars.axis, palette);
  bars.lines.forEach((line, at) => {
    const top = at * bars.rowHeight;
    if (at === bars.selected) {
      to.fillStyle = palette.soft;
      to.fillRect(0, top, width, bars.rowHeight);
    }
    const box = { top: top + PAD_PX, height: bars.rowHeight - 2 * PAD_PX, width };
    if (line === null) {
      if (at === 0 && bars.run !== null) drawRun(to, scale, box, bars.run, palette);
      return;
    }
    drawLine(to, scale, box, line, bars.axis, palette);
  });
}

interface Box {
  readonly top: number;
  readonly height: number;
  readonly width: number;
}

type Scale = (us: number) => number;

/** Left edge and width of a bar, cut where it leaves the sight; null where none of it is seen. */
export function barOf(
  from: number,
  to: number,
  width: number,
): { readonly left: number; readonly width: number } | null {
  const right = Math.max(to, from + BAR_PX_MIN);
  if (right < 0 || from > width) return null;
  const left = Math.max(-4, from);
  return { left, width: Math.max(BAR_PX_MIN, Math.min(right, width + 4) - left) };
}

function drawRun(
  to: CanvasRenderingContext2D,
  scale: Scale,
  box: Box,
  run: { readonly startUs: number; readonly endUs: number; readonly failed: boolean },
  palette: Palette,
): void {
  const bar = barOf(scale(run.startUs), scale(run.endUs), box.width);
  if (bar === null) return;
  to.fillStyle = run.failed ? palette.bad : palette.text;
  to.fillRect(bar.left, box.top + box.height / 2 - 1.5, bar.width, 3);
}

function drawLine(
  to: CanvasRenderingContext2D,
  scale: Scale,
  box: Box,
  line: RunLine,
  of: axis.Axis,
  palette: Palette,
): void {
  const isOpen = line.endUs < 0;
  const [first, last] = [line.startUs, isOpen ? of.endUs : line.endUs];
  // Where clocks disagree an end can lie before its start.
  const bar = barOf(scale(Math.min(first, last)), scale(Math.max(first, last)), box.width);
  if (bar === null) return;
  const colour = colourOf(line, palette);
  to.fillStyle = colour;
  to.strokeStyle = colour;
  to.lineWidth = 1.5;
  if (line.kind === "gap") {
    hatch(to, bar.left, box.top, Math.max(bar.width, 6), box.height);
  } else if (line.kind === "wait") {
    to.setLineDash([4, 3]);
    to.strokeRect(bar.left + 0.75, box.top + 0.75, Math.max(1, bar.width - 1.5), box.height - 1.5);
    to.setLineDash([]);
  } else if (line.kind === "point") {
    diamond(to, bar.left + 1, box.top + box.height / 2, box.height / 2);
  } else {
    to.fillRect(bar.left, box.top, bar.width, box.height);
  }
  if (isOpen && line.kind !== "wait") hatch(to, bar.left + bar.width, box.top, 8, box.height);
  if (line.outcome === "failed") {
    // Behind the bar; at the edge of the canvas on the bar, in the colour that differs from it.
    const [behind, edge] = [bar.left + bar.width + 7, box.width - 6];
    cross(to, Math.min(behind, edge), box, behind <= edge ? palette.bad : palette.soft);
  }
  if (line.skewed) corner(to, bar.left, box, palette.warn);
  if (line.group >= 0) bracket(to, bar.left - 4, box, palette.text);
}

function colourOf(line: RunLine, palette: Palette): string {
  if (line.outcome === "failed") return palette.bad;
  switch (line.kind) {
    case "model_call":
      return palette.llm;
    case "tool_call":
      return palette.tool;
    case "gap":
    case "wait":
      return palette.warn;
    case "attempt":
    case "branch":
    case "point":
    case "run":
      return line.errors > 0 ? palette.bad : palette.node;
  }
}

function hatch(to: CanvasRenderingContext2D, x: number, y: number, w: number, h: number): void {
  to.save();
  to.beginPath();
  to.rect(x, y, w, h);
  to.clip();
  to.beginPath();
  for (let at = x - h; at < x + w; at += 4) {
    to.moveTo(at, y + h);
    to.lineTo(at + h, y);
  }
  to.stroke();
  to.restore();
}

function diamond(to: CanvasRenderingContext2D, x: number, y: number, r: number): void {
  to.beginPath();
  to.moveTo(x, y - r);
  to.lineTo(x + r, y);
  to.lineTo(x, y + r);
  to.lineTo(x - r, y);
  to.fill();
}

function cross(to: CanvasRenderingContext2D, x: number, box: Box, colour: string): void {
  const [middle, r] = [box.top + box.height / 2, 4];
  to.strokeStyle = colour;
  to.lineWidth = 2;
  to.beginPath();
  to.moveTo(x - r, middle - r);
  to.lineTo(x + r, middle + r);
  to.moveTo(x + r, middle - r);
  to.lineTo(x - r, middle + r);
  to.stroke();
}

function corner(to: CanvasRenderingContext2D, x: number, box: Box, colour: string): void {
  to.fillStyle = colour;
  to.beginPath();
  to.moveTo(x - 6, box.top - 3);
  to.lineTo(x + 2, box.top - 3);
  to.lineTo(x - 6, box.top + 5);
  to.fill();
}

function bracket(to: CanvasRenderingContext2D, x: number, box: Box, colour: string): void {
  to.fillStyle = colour;
  to.fillRect(x, box.top - PAD_PX, 1.5, box.height + 2 * PAD_PX);
}

function drawFolds(
  to: CanvasRenderingContext2D,
  scale: Scale,
  box: { readonly width: number; readonly height: number },
  of: axis.Axis,
  palette: Palette,
): void {
  to.strokeStyle = palette.line;
  to.lineWidth = 1;
  to.setLineDash([2, 3]);
  for (const stretch of of.stretches) {
    if (!stretch.folded) continue;
    const [left, right] = [scale(stretch.fromUs), scale(stretch.toUs)];
    if (right < 0 || left > box.width) continue;
    to.beginPath();
    for (const x of [left, right]) {
      to.moveTo(x, 0);
      to.lineTo(x, box.height);
    }
    to.stroke();
  }
  to.setLineDash([]);
}

/** The whole run in little: how much went on when, where something failed or is missing, and what is seen. */
export function drawWhole(
  to: CanvasRenderingContext2D,
  size: { readonly width: number; readonly height: number },
  whole: { readonly axis: axis.Axis; readonly view: axis.View; readonly pieces: PieceColumns },
  palette: Palette,
): void {
  const scale = axis.scaleOf(whole.axis, axis.wholeOf(whole.axis), size.width);
  const { pieces } = whole;
  const most = pieces.spans.reduce((largest, spans) => Math.max(largest, spans), 1);
  // At whole pixels of the screen, so that no seam of half-covered pixels parts one piece from the next.
  const ratio = to.getTransform().a;
  const edge = (us: number): number => Math.round(scale(us) * ratio) / ratio;
  for (let at = 0; at < pieces.fromUs.length; at += 1) {
    const left = edge(pieces.fromUs[at] ?? 0);
    const width = Math.max(1, edge(pieces.toUs[at] ?? 0) - left);
    const share = Math.sqrt((pieces.spans[at] ?? 0) / most);
    const height = share === 0 ? 0 : Math.max(2, share * (size.height - 10));
    to.fillStyle = palette.node;
    to.fillRect(left, size.height - height, width, height);
    to.fillStyle = palette.warn;
    if (pieces.gap[at] === 1) to.fillRect(left, 5, Math.max(2, width), 4);
    to.fillStyle = palette.bad;
    if (pieces.trouble[at] === 1) to.fillRect(left, 0, Math.max(2, width), 4);
  }
  const [from, until] = [scale(whole.view.fromUs), scale(whole.view.toUs)];
  to.strokeStyle = palette.text;
  to.lineWidth = 2;
  to.strokeRect(from + 1, 1, Math.max(2, until - from - 2), size.height - 2);
}
