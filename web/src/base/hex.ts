/** Bytes as the rows of a hex view: offset, sixteen bytes, printable ASCII. */
export interface HexRow {
  readonly offset: string;
  readonly hex: string;
  readonly ascii: string;
}

export const ROW_BYTES = 16;

/** All rows; the caller bounds the bytes, and says at which place the first one is. */
export function hexRows(bytes: Uint8Array, first = 0): HexRow[] {
  return Array.from({ length: Math.ceil(bytes.length / ROW_BYTES) }, (_, row) =>
    hexRow(bytes, row * ROW_BYTES, first),
  );
}

/** The whole view as text, for the clipboard. */
export function hexText(bytes: Uint8Array, first = 0): string {
  return hexRows(bytes, first)
    .map((row) => `${row.offset}  ${row.hex}  ${row.ascii}`)
    .join("\n");
}

function hexRow(bytes: Uint8Array, start: number, first: number): HexRow {
  let hex = "";
  let ascii = "";
  for (let index = 0; index < ROW_BYTES; index += 1) {
    if (index > 0) hex += index === ROW_BYTES / 2 ? "  " : " ";
    const byte = bytes[start + index];
    hex += byte === undefined ? "  " : byte.toString(16).padStart(2, "0");
    if (byte !== undefined) ascii += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".";
  }
  return { offset: (first + start).toString(16).padStart(8, "0"), hex, ascii };
}
