/** Where the focus goes. */

/** The event list's tab stop: a row, or the list itself while no row can take the focus. */
export const EVENTS = ["#events [role=grid] [tabindex='0']", "#events [role=grid]"] as const;

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
