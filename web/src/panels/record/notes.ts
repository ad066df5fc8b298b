/** What a value of the message really is, in words. */
import { byteSize } from "../../base/format.js";
import { durationText, msOf } from "../../base/duration.js";
import type { Line } from "./message.svelte.js";

/** Writes a time in ms since 1970 with date and zone. */
interface Instants {
  instant(ms: number): string;
}

/** The note on a line, or empty. */
export function noteText(
  { note, noteValue }: Pick<Line, "note" | "noteValue">,
  zone: Instants,
): string {
  switch (note) {
    case "json":
      return `JSON in ${byteSize(noteValue)}`;
    case "text":
      return `text in ${byteSize(noteValue)}`;
    case "compressed":
      return `zstd, ${byteSize(noteValue)}`;
    case "uuid":
      return "UUID";
    case "hash":
      return "SHA-256";
    case "binary":
      return `${byteSize(noteValue)}, base64`;
    case "time_us":
      return zone.instant(msOf(noteValue));
    case "duration_us":
      return durationText(noteValue);
    case "duration_ms":
      return durationText(noteValue * 1000);
    default:
      return "";
  }
}
