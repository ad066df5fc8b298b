import { describe, expect, it } from "vitest";
import { readParams, relayUrl, writeParams } from "./url.js";

describe("readParams", () => {
  it("RES-09 asks for all the relay has in memory unless told otherwise", () => {
    expect(readParams("")).toEqual({
      from: "earliest",
      digest: false,
      filter: "",
      thread: null,
      ignored: [],
    });
  });
  it("UX-18 takes start, digest, filter and thread from the address", () => {
    expect(readParams("?from=latest&digest=1&filter=plan&thread=%D0%BF%2F%CE%B1%201")).toEqual({
      from: "latest",
      digest: true,
      filter: "plan",
      thread: "\u043f/\u03b1 1",
      ignored: [],
    });
  });
  it.each([
    "?from=sideways",
    "?from=",
    "?digest=yes",
    `?filter=${"x".repeat(201)}`,
    `?thread=${"y".repeat(1025)}`,
  ])("UX-18 refuses %s and says so", (search) => {
    const params = readParams(search);
    expect(params.ignored).toHaveLength(1);
    expect({ ...params, ignored: [] }).toEqual(readParams(""));
  });
  it("BND-15 repeats no more than a little of what it refuses", () => {
    const [line] = readParams(`?from=${"\u{1F600}".repeat(5000)}`).ignored;
    expect(line?.length).toBeLessThan(200);
    expect(() => encodeURIComponent(line ?? "")).not.toThrow();
  });
});

describe("writeParams", () => {
  it("puts filter and thread in, and leaves the rest", () => {
    expect(writeParams("?digest=1", "a b", "t/1")).toBe("?digest=1&filter=a+b&thread=t%2F1");
    expect(writeParams("?filter=old&thread=t", "", null)).toBe("");
  });
  it("is read back as it was written", () => {
    const params = readParams(writeParams("", "&=#", "\u2603 %"));
    expect(params).toMatchObject({ filter: "&=#", thread: "\u2603 %" });
  });
});

describe("relayUrl", () => {
  it.each([
    ["http://127.0.0.1:3002/", "/ws", "ws://127.0.0.1:3002/ws"],
    ["https://host.example/relay/?from=latest#x", "/ws", "wss://host.example/relay/ws"],
    ["http://[::1]:8080/index.html", "/ws", "ws://[::1]:8080/ws"],
  ])("%s and %s give %s", (page, path, url) => {
    expect(relayUrl(page, path)).toBe(url);
  });
});
