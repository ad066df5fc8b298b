/** The open run and its selected span in the page's address. */
import { shorten } from "../base/url.js";
import type { AddressPart } from "./address.svelte.js";
import type { Selection } from "./selection.svelte.js";

const RUN = /^\d{1,9}:\d{1,19}:\d{1,9}$/u;
const SPAN = /^\d{1,9}:\d{1,19}:\d{1,9}(?::(?:\d{1,9}|gap|wait))?$/u;

/** In this order: a span is one of the run that was read before it. */
export function runAddress(selection: Selection): readonly AddressPart[] {
  return [
    {
      name: "run",
      shown: "?run=PARTITION:OFFSET:INDEX",
      does: "open the run whose first event is there",
      step: () => selection.run ?? "",
      read: (value) => {
        const usable = value !== null && RUN.test(value);
        if (!usable) selection.closeRun();
        else if (value !== selection.run) selection.openRun(value);
        if (usable || value === null) return null;
        return `run=${shorten(value)} is not PARTITION:OFFSET:INDEX and is not used.`;
      },
      write: () => selection.run,
    },
    {
      name: "span",
      shown: "?span=PARTITION:OFFSET:INDEX",
      does: "select the span of that run which begins there",
      // From span to span Back goes back to the run, not through each of them.
      step: () => (selection.span === null ? "" : "selected"),
      read: (value) => {
        const usable = value !== null && SPAN.test(value);
        selection.selectSpan(usable ? value : null);
        if (usable || value === null) return null;
        return `span=${shorten(value)} is not PARTITION:OFFSET:INDEX and is not used.`;
      },
      write: () => selection.span,
    },
  ];
}
