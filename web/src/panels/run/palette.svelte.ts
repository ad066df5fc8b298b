/** The colours of the theme in force, as a canvas needs them, kept up while theme or screen changes. */
import type { Palette } from "./draw.js";

export interface PaletteSource {
  readonly palette: Palette;
}

const NAMES: Readonly<Record<keyof Palette, string>> = {
  node: "--accent",
  llm: "--violet",
  tool: "--teal",
  bad: "--bad",
  warn: "--warn",
  line: "--line-strong",
  text: "--text",
  soft: "--accent-soft",
};

/** With forced colours there are but a few; what differs by colour differs by shape and words too. */
const FORCED: Palette = {
  node: "CanvasText",
  llm: "LinkText",
  tool: "CanvasText",
  bad: "Highlight",
  warn: "GrayText",
  line: "GrayText",
  text: "CanvasText",
  soft: "Canvas",
};

/** A custom property holds both themes; only a real colour property tells which one is in force. */
function read(): Palette {
  if (matchMedia("(forced-colors: active)").matches) return FORCED;
  const probe = document.createElement("span");
  document.body.append(probe);
  const palette = Object.fromEntries(
    Object.entries(NAMES).map(([name, property]) => {
      probe.style.color = `var(${property})`;
      return [name, getComputedStyle(probe).color];
    }),
  );
  probe.remove();
  return { ...FORCED, ...palette };
}

/** To be called while a component starts; `theme` is what a person chose. */
export function watchPalette(theme: () => string): PaletteSource {
  let turn = $state(0);
  const palette = $derived(turn >= 0 && theme() !== "" ? read() : FORCED);
  $effect(() => {
    const changed = (): void => {
      turn += 1;
    };
    const media = ["(prefers-color-scheme: dark)", "(forced-colors: active)"].map((query) =>
      matchMedia(query),
    );
    for (const one of media) one.addEventListener("change", changed);
    // The pixel ratio changes with the zoom, and with it the size of the window in CSS pixels.
    addEventListener("resize", changed);
    return () => {
      for (const one of media) one.removeEventListener("change", changed);
      removeEventListener("resize", changed);
    };
  });
  return {
    get palette() {
      return palette;
    },
  };
}
