/** Where the focus goes. */
import { tick } from "svelte";

/** The tab stop of the list in the work area: a row, or the list itself while no row can take the focus. */
export const EVENTS = ["#work [role=grid] [tabindex='0']", "#work [role=grid]", "#work"] as const;

/** The same once what changed has been drawn. */
export function focusSoon(...selectors: readonly string[]): void {
  void tick().then(() => {
    focusOn(...selectors);
  });
}

/** Focuses the first selector that finds an element. */
export function focusOn(...selectors: readonly string[]): void {
  for (const selector of selectors) {
    const element = document.querySelector<HTMLElement>(selector);
    if (element !== null) {
      element.focus();
      return;
    }
  }
}
