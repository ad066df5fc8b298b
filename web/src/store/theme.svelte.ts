/** Light, dark, or as the system prefers; the choice is kept for the next visit. */
import { readStored, writeStored } from "../base/storage.js";

export type Theme = "system" | "light" | "dark";

const NEXT: Readonly<Record<Theme, Theme>> = { system: "light", light: "dark", dark: "system" };

export class ThemeState {
  theme = $state<Theme>("system");
  readonly #key: string;

  constructor() {
    this.#key = document.documentElement.dataset["themeKey"] ?? "";
    const stored = readStored(this.#key);
    if (stored === "light" || stored === "dark") this.theme = stored;
  }

  next(): void {
    this.theme = NEXT[this.theme];
    writeStored(this.#key, this.theme === "system" ? null : this.theme);
    const data = document.documentElement.dataset;
    if (this.theme === "system") delete data["theme"];
    else data["theme"] = this.theme;
  }
}
