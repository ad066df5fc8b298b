import { expect, it } from "vitest";
import { unturned, writtenOut } from "./hidden.js";

it("SEC-09 writes out what is hidden, and leaves what is seen alone", () => {
  expect(writtenOut("a\u202e\u2066b\u200bc\u0000\ud800d")).toBe(
    "a\\u202e\\u2066b\\u200bc\\u0000\\ud800d",
  );
  expect(writtenOut("caf\u00e9 \u{1f468}\u200d\u{1f469} \u05d0 <b>`")).toBe(
    "caf\u00e9 \u{1f468}\u200d\u{1f469} \u05d0 <b>`",
  );
  expect(unturned("a\u202e\u2066b\u0007")).toBe("ab");
});
