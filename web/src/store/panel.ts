/** What a panel of the page is: where it stands, what it draws, and what it adds to keys and address. */
import type { Component } from "svelte";
import type { AddressPart } from "./address.svelte.js";
import type { ViewName } from "./view.svelte.js";

/** A single-key shortcut. */
export interface Shortcut {
  readonly key: string;
  readonly does: string;
  readonly run: () => void;
  /** It works in every view; others only where their panel is shown. */
  readonly everywhere?: boolean;
}

/** Where on the page it stands; what is "beside" is there while it is open. */
export type Place = "strip" | "side" | "work" | "beside";

export interface PanelPart {
  readonly name: string;
  readonly place: Place;
  /** The view it is in; null = all of them. */
  readonly view: ViewName | null;
  readonly View: Component<{ panel: unknown }>;
  readonly state: unknown;
  readonly isOpen: () => boolean;
  readonly keys: readonly Shortcut[];
  readonly address: readonly AddressPart[];
  /** Takes Escape if it has something to close. */
  readonly escape: () => boolean;
}

interface Parts<S> {
  readonly name: string;
  readonly place: Place;
  readonly view?: ViewName;
  readonly View: Component<{ panel: S }>;
  readonly state: S;
  readonly isOpen?: () => boolean;
  readonly keys?: readonly Shortcut[];
  readonly address?: readonly AddressPart[];
  readonly escape?: () => boolean;
}

/** A panel whose view gets its state. */
export function panel<S>(parts: Parts<S>): PanelPart {
  return {
    view: null,
    isOpen: () => true,
    keys: [],
    address: [],
    escape: () => false,
    ...parts,
    // A view is only ever mounted with the state beside it.
    View: parts.View as unknown as Component<{ panel: unknown }>,
  };
}
