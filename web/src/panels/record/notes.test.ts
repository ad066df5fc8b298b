import { describe, expect, it } from "vitest";
import { durationText } from "../../base/duration.js";
import { noteText } from "./notes.js";

const zone = { instant: (ms: number) => `at ${ms}` };

describe("what the fields of a message hold", () => {
  it.each([
    ["json", 2048, "JSON in 2.0 KiB"],
    ["text", 3, "text in 3 B"],
    ["compressed", 100, "zstd, 100 B"],
    ["uuid", 16, "UUID"],
    ["hash", 32, "SHA-256"],
    ["binary", 7, "7 B, base64"],
    ["time_us", 1_763_790_000_000_000, "at 1763790000000"],
    ["duration_us", 1500, "1.5 ms"],
    ["duration_ms", 90_000, "1 min 30 s"],
    ["", 0, ""],
  ])("X31 D21 %s", (note, noteValue, text) => {
    expect(noteText({ note, noteValue }, zone)).toBe(text);
  });
  it("TIM-03 the largest number is no duration", () => {
    expect(durationText(Number("9223372036854775807"))).toBe("longer than the field holds");
    expect(durationText(-5)).toBe("negative (-5 \u00b5s)");
    expect(durationText(2_500_000)).toBe("2.50 s");
    expect(durationText(7_322_000_000)).toBe("2 h 2 min 2 s");
  });
});
