/** What a reader types to go to a place of the event list, and what there was at that place. */
import type { EventsView } from "../../generated/decode_wasm.js";
import type { Zone } from "../../base/zone.js";
import { timeOf } from "../../base/zone_read.js";
import { placeOf, placeText, type Jump, type Place } from "../../store/selection.svelte.js";

export type Landing = Exclude<EventsView["landing"], "">;

/** An address as the page writes one: "14:30", but not "14:05". */
const ADDRESS = /^(?:0|[1-9]\d*)(?::(?:0|[1-9]\d*)){1,2}$/u;

/** Where to go, or null where the text says no place and no time. What can be an address is one. */
export function jumpOf(text: string, zone: Zone, nearMs: number): Jump | null {
  const place = placeOf(text.trim());
  if (place !== null && ADDRESS.test(text.trim())) return { place, timeMs: null, waits: false };
  const timeMs = timeOf(text, zone, nearMs);
  return timeMs === null ? null : { place: null, timeMs, waits: false };
}

interface Around {
  readonly landing: Landing;
  /** Whether a row is shown in place of it. */
  readonly shown: boolean;
  /** First or last offset or time that is held. */
  readonly edge: string;
  readonly instant: (ms: number) => string;
  /** Why nothing older is held. */
  readonly whyNotOlder: string;
}

/** One sentence where there was not simply what was wanted; else empty. */
export function landingText(jump: Jump, around: Around): string {
  return jump.place === null ? atTime(around) : atPlace(jump.place, around);
}

function atPlace(place: Place, { landing, shown, edge, whyNotOlder }: Around): string {
  const at = placeText(place);
  const { partition } = place;
  switch (landing) {
    case "there":
      return "";
    case "next":
      return `There is no record ${at}${shown ? "; what follows it is shown" : ""}.`;
    case "hidden":
      return `The filter hides record ${at}${shown ? "; the next one it shows is here" : ""}.`;
    case "older":
      return `Record ${at} is not in memory: ${beginning(partition, edge)}, as ${whyNotOlder}.`;
    case "later":
      return edge === ""
        ? `No record of partition ${partition} has come yet.`
        : `Record ${at} has not come yet: partition ${partition} ends with offset ${edge}.`;
  }
}

function atTime({ landing, edge, instant, whyNotOlder }: Around): string {
  switch (landing) {
    case "there":
    case "next":
      return "";
    case "hidden":
      return "The filter hides everything from that time on.";
    case "older":
      return (
        `Nothing so old is in memory: the oldest row is of ${instant(Number(edge))}, ` +
        `as ${whyNotOlder}.`
      );
    case "later":
      return edge === ""
        ? "No record has come yet."
        : `Nothing so late has come: the newest row is of ${instant(Number(edge))}.`;
  }
}

function beginning(partition: number, offset: string): string {
  return `partition ${partition} begins with offset ${offset}`;
}
