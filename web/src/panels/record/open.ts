/** What the sides of an open record need to know of it. */
import type { RecordView } from "../../generated/decode_wasm.js";

export type RecordTab = "decoded" | "bytes";

export interface OpenRecord {
  /** Its row, or null while there is none whose content can be asked for. */
  readonly row: number | null;
  readonly view: RecordView | null;
  readonly whole: boolean;
  readonly tab: RecordTab;
}
