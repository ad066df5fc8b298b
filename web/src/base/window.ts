/**
 * Which rows of a long list are on the screen. Rows have one height; a list too tall for a browser
 * is scaled, so that the scroll bar still spans all of it.
 */
export interface Geometry {
  readonly total: number;
  readonly rowHeight: number;
  readonly viewHeight: number;
  readonly scrollTop: number;
}

export interface Slice {
  /** First row to render and how many. */
  readonly first: number;
  readonly count: number;
  /** Height of the scrolled canvas and where on it the first rendered row lies, in pixels. */
  readonly canvasHeight: number;
  readonly top: number;
}

/** Engines stop laying out boxes somewhere above this many pixels. */
const CANVAS_PX_MAX = 8_000_000;
/** Rows rendered beyond each edge, so that a small scroll shows no blanks and the focus finds its row. */
export const BEYOND_ROWS = 8;
/** The same of a live list that nobody reads: there, each row costs. */
export const BEYOND_ROWS_LIVE = 1;

export function sliceOf(geometry: Geometry, beyond = BEYOND_ROWS): Slice {
  const { total, rowHeight, viewHeight } = geometry;
  const canvasHeight = canvasOf(geometry);
  const scrollTop = clamp(geometry.scrollTop, 0, Math.max(0, canvasHeight - viewHeight));
  const rowTop = scrollTop * scaleOf(geometry);
  const seen = Math.min(total, Math.floor(rowTop / rowHeight));
  const first = Math.max(0, seen - beyond);
  const last = Math.min(total, Math.ceil((rowTop + viewHeight) / rowHeight) + beyond);
  return {
    first,
    count: last - first,
    canvasHeight,
    top: scrollTop - (rowTop - first * rowHeight),
  };
}

/** The scroll position that shows a row whole with the least movement. */
export function scrollTopShowing(row: number, geometry: Geometry): number {
  const { rowHeight, viewHeight, scrollTop } = geometry;
  const scale = scaleOf(geometry);
  const rowTop = scrollTop * scale;
  const top = row * rowHeight;
  if (top < rowTop) return top / scale;
  if (top + rowHeight > rowTop + viewHeight) return (top + rowHeight - viewHeight) / scale;
  return scrollTop;
}

/** Rows that fit the view, for paging; at least one. */
export function pageRows(geometry: Geometry): number {
  return Math.max(1, Math.floor(geometry.viewHeight / geometry.rowHeight) - 1);
}

function canvasOf(geometry: Geometry): number {
  return Math.min(geometry.total * geometry.rowHeight, CANVAS_PX_MAX);
}

/** Row pixels per scrolled pixel: 1 unless the list is too tall. */
function scaleOf(geometry: Geometry): number {
  const { total, rowHeight, viewHeight } = geometry;
  const rows = total * rowHeight;
  const canvas = canvasOf(geometry);
  return canvas < rows && canvas > viewHeight ? (rows - viewHeight) / (canvas - viewHeight) : 1;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
