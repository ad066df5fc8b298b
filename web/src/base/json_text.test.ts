import { describe, expect, it } from "vitest";
import { firstLines, indented, jsonLines } from "./json_text.js";

describe("indented", () => {
  it("STA-04 keeps the text of every number", () => {
    const text = '{"a":18446744073709551615,"b":1.0,"c":1e+16,"d":-0.0,"e":[9007199254740993]}';
    const shown = indented(text);
    for (const number of ["18446744073709551615", "1.0", "1e+16", "-0.0", "9007199254740993"]) {
      expect(shown).toContain(number);
    }
    expect(shown.replace(/\s/g, "")).toBe(text);
  });
  it("keeps the order of keys, and keys that are special in JavaScript", () => {
    const text = '{"b":1,"a":2,"__proto__":3,"10":4,"2":5}';
    expect(indented(text).replace(/\s/g, "")).toBe(text);
  });
  it("lays out objects, lists and empty ones", () => {
    expect(indented('{"a":{},"b":[],"c":[1,{"d":null}]}')).toBe(
      [
        "{",
        '  "a": {},',
        '  "b": [],',
        '  "c": [',
        "    1,",
        "    {",
        '      "d": null',
        "    }",
        "  ]",
        "}",
      ].join("\n"),
    );
  });
  it("leaves marks inside strings alone", () => {
    const text = '{"k:,{":"a\\"b,]}","s":"\\\\","t":"\u2603 \\u0000"}';
    expect(indented(text)).toBe(
      `{\n  "k:,{": "a\\"b,]}",\n  "s": "\\\\",\n  "t": "\u2603 \\u0000"\n}`,
    );
  });
  it.each(["", "   ", '"', '{"a', "}}}}", "][", ",,,:::", '{"a":', "nul", "{]", '"\\'])(
    "DEC-11 comes to an end on %j",
    (text) => {
      const lines = [...jsonLines(text)];
      expect(lines.length).toBeLessThanOrEqual(text.length);
    },
  );
  it("BND-15 makes no more lines than are asked for, of a text of any length", () => {
    const long = `[${"1,".repeat(500_000)}"${"x".repeat(3_000_000)}"]`;
    const part = firstLines(long, 100);
    expect(part.lines).toHaveLength(100);
    expect(part.more).toBe(true);
    expect(firstLines("[1]", 100)).toMatchObject({ more: false });
  });
  it("reads a string of megabytes, escapes included", () => {
    const text = `"${'\\"ab'.repeat(1_000_000)}"`;
    expect([...jsonLines(text)]).toHaveLength(1);
  });
});
