/** Which dialog is open, what is announced, and the keyboard choice. */
import { readStored, writeStored } from "../base/storage.js";

export type Dialog = "none" | "help" | "restart";

const SHORTCUTS_KEY = "dashstream.shortcuts";

export class PanesState {
  dialog = $state<Dialog>("none");
  /** Text of the polite live region. */
  spoken = $state("");
  /** Single-key shortcuts can be in the way of speech input, so they can be switched off. */
  shortcuts = $state(readStored(SHORTCUTS_KEY) !== "off");

  say(text: string): void {
    this.spoken = text;
  }

  setShortcuts(on: boolean): void {
    this.shortcuts = on;
    writeStored(SHORTCUTS_KEY, on ? null : "off");
  }
}
