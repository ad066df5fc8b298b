import { describe, expect, it } from "vitest";
import { code, runMarkdown } from "./markdown.js";
import { FACTS } from "./testing.js";

describe("a run as Markdown", () => {
  it("SEC-09 lets no text of the stream become markup", () => {
    expect(code("a`b")).toBe("``a`b``");
    expect(code("```\n# x\n<script>")).toBe("```` ``` # x <script> ````");
    expect(code("`")).toBe("`` ` ``");
    expect(code("\u0000\n")).toBe("`\\u0000`");
    expect(code("\n ")).toBe("–");
    expect(code("a\u202eb")).toBe("`a\\u202eb`");
  });
  it("says what an incident ticket needs, and what is not known as such", () => {
    const text = runMarkdown(FACTS, {
      instant: (ms) => `at ${ms}`,
      link: "http://relay/?run=0%3A7%3A0",
      topic: "events",
      selected: null,
    });
    expect(text).toContain("### Run failed: `agent`");
    expect(text).toContain("- Status: **failed**. NODE_ERROR ends a run. (evidence `0:9:0`)");
    expect(text).toContain("- First error: `it broke`");
    expect(text).toContain("- Tokens: 1,200\n- Cost: not reported");
    expect(text).toContain("- Messages lost: 3 missing");
    expect(text.trim().endsWith("<http://relay/?run=0%3A7%3A0>")).toBe(true);
  });
});
