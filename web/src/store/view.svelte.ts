/** Which of the page's views is shown. */
import { shorten } from "../base/url.js";
import type { AddressPart } from "./address.svelte.js";

export const VIEWS = ["runs", "events", "health"] as const;
export type ViewName = (typeof VIEWS)[number];

export const VIEW_WORDS: Readonly<Record<ViewName, string>> = {
  runs: "Runs",
  events: "Events",
  health: "Health",
};

/** What is seen first. */
const FIRST: ViewName = "runs";

export class ViewState {
  name = $state<ViewName>(FIRST);

  go(name: ViewName): void {
    this.name = name;
  }

  readonly address: AddressPart = {
    name: "view",
    shown: "?view=events",
    does: `show ${VIEWS.join(", ")}; ${FIRST} by default`,
    step: () => this.name,
    read: (value) => {
      const known = VIEWS.find((name) => name === value);
      this.name = known ?? FIRST;
      if (value === null || known !== undefined) return null;
      return `view=${shorten(value)} is not one of ${VIEWS.join(", ")}; ${FIRST} is shown.`;
    },
    write: () => (this.name === FIRST ? null : this.name),
  };
}
