import { expect, it } from "vitest";
import { closeText } from "./phase.js";

it.each([
  [null, ""],
  [{ code: 1006, reason: "" }, "No answer from relay:3002"],
  [{ code: 1001, reason: "the relay shuts down" }, "the relay shuts down"],
  [{ code: 1011, reason: "" }, "Closed with code 1011"],
  [
    { code: __PROTOCOL_ERROR__, reason: "unsupported protocol" },
    "This page is older or newer than the relay and cannot talk to it: reload the page",
  ],
  [{ code: __PROTOCOL_ERROR__, reason: "frames do not continue" }, "frames do not continue"],
])("D17 D9 %j is said in words", (close, words) => {
  expect(closeText(close, "relay:3002")).toBe(words);
});
