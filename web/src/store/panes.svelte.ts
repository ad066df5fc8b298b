/** Which dialog is open, what is announced, and the keyboard choice. */
import { unturned } from "../base/hidden.js";
import { readStored, writeStored } from "../base/storage.js";

export type Dialog = "none" | "help" | "restart" | "sign-in";

const SHORTCUTS_KEY = "dashstream.shortcuts";

export class PanesState {
  dialog = $state<Dialog>("none");
  /** Text of the polite live region. */
  spoken = $state("");
  /** Single-key shortcuts can be in the way of speech input, so they can be switched off. */
  shortcuts = $state(readStored(SHORTCUTS_KEY) !== "off");

  /** Opens a dialog that nobody asked for, unless another is open. */
  ask(dialog: Dialog): void {
    if (this.dialog === "none") this.dialog = dialog;
  }

  close(dialog: Dialog): void {
    if (this.dialog === dialog) this.dialog = "none";
  }

  say(text: string): void {
    this.spoken = unturned(text);
  }

  setShortcuts(on: boolean): void {
    this.shortcuts = on;
    writeStored(SHORTCUTS_KEY, on ? null : "off");
  }
}
