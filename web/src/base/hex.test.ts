import { describe, expect, it } from "vitest";
import { hexRows, hexText } from "./hex.js";

describe("hex view", () => {
  it("shows offset, bytes and printable text, the last row padded", () => {
    const bytes = Uint8Array.from({ length: 18 }, (_, index) => (index < 16 ? 0x41 + index : 0xff));
    expect(hexRows(bytes)).toEqual([
      {
        offset: "00000000",
        hex: "41 42 43 44 45 46 47 48  49 4a 4b 4c 4d 4e 4f 50",
        ascii: "ABCDEFGHIJKLMNOP",
      },
      { offset: "00000010", hex: `ff ff${" ".repeat(43)}`, ascii: ".." },
    ]);
  });
  it("shows control and high bytes as dots", () => {
    expect(hexRows(Uint8Array.of(0x00, 0x1f, 0x20, 0x7e, 0x7f, 0x80))[0]?.ascii).toBe(".. ~..");
  });
  it("copies all rows", () => {
    expect(hexText(new Uint8Array(33)).split("\n")).toHaveLength(3);
    expect(hexText(new Uint8Array())).toBe("");
  });
});
