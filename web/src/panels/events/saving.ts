/** What a saved capture says of itself, and above all what is not in it. */
import type { EventsQuery, SavedCounts } from "../../generated/decode_wasm.js";
import { plural } from "../../base/format.js";
import { shorten } from "../../base/url.js";
import { isoTime } from "../../base/zone_read.js";

/** By what a list is narrowed, in words; empty where by nothing. */
export function filterText(list: EventsQuery): string {
  const parts: string[] = [];
  if (list.run !== null) {
    const attempt = list.attempt === null ? "" : `, attempt ${list.attempt + 1}`;
    parts.push(`run ${list.run}${attempt}`);
  }
  if (list.thread !== null) parts.push(`thread ${shorten(list.thread)}`);
  if (list.node !== null) parts.push(`node ${shorten(list.node)}`);
  if (list.kinds.length > 0) parts.push(`type ${shorten(list.kinds.join(", "))}`);
  if (list.text !== "") parts.push(`text ${shorten(list.text)}`);
  if (list.troubleOnly) parts.push("problems only");
  return parts.join("; ");
}

/** What is not in the file; empty where all of the stream is. */
export function leftOutText(list: EventsQuery, counts: SavedCounts): string {
  const filter = filterText(list);
  const said: string[] = [];
  if (list.run !== null)
    said.push(
      `Only the thread of ${filter} was saved, all of it, because a run is judged beside the others ` +
        "of its thread.",
    );
  else if (filter !== "") said.push(`Only records of this filter were saved: ${filter}.`);
  if (counts.lost > 0)
    said.push(
      `${plural(counts.lost, "row")} of them left out: their bytes were no longer in memory.`,
    );
  if (counts.evicted > 0)
    said.push(`${plural(counts.evicted, "older row")} were no longer in memory.`);
  return said.join(" ");
}

interface About {
  readonly version: string;
  /** What is known of the stream, as a capture's writer says it. */
  readonly source: Readonly<Record<string, string>>;
  readonly nowMs: number;
}

/** The capture's metadata. */
export function metadataOf(list: EventsQuery, counts: SavedCounts, about: About): string {
  const at = isoTime(about.nowMs);
  return JSON.stringify({
    startedAt: at,
    ...about.source,
    writer: `dashstream page ${about.version}`,
    savedAt: at,
    filter: filterText(list),
    rows: counts.rows,
    records: counts.frames,
    leftOut: [about.source["leftOut"] ?? "", leftOutText(list, counts)].join(" ").trim(),
  });
}

/** `topic-20260131-140507.dscap`. */
export function fileName(topic: string, nowMs: number): string {
  const at = isoTime(nowMs).slice(0, 19).replace(/[-:]/gu, "").replace("T", "-");
  return `${topic === "" ? "events" : topic}-${at}.dscap`;
}
