import { expect, it } from "vitest";
import { safeName } from "./download.js";

it.each([
  ["record-3-17.bin", "record-3-17.bin"],
  ["../../etc/passwd", "etc-passwd"],
  ["a b:c\u202e.json", "a-b-c-.json"],
  ["\u00e9t\u00e9", "\u00e9t\u00e9"],
  ["...", "download"],
  ["", "download"],
])("UX-17 %s becomes a safe name", (name, safe) => {
  expect(safeName(name)).toBe(safe);
});
