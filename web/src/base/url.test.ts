import { describe, expect, it } from "vitest";
import { readParams, relayUrl, tooLong } from "./url.js";

describe("readParams", () => {
  it("RES-09 asks for all the relay has in memory unless told otherwise", () => {
    expect(readParams("")).toEqual({
      from: "earliest",
      digest: false,
      ignored: [],
    });
  });
  it("UX-18 takes start and digest from the address", () => {
    expect(readParams("?from=latest&digest=1&filter=plan&thread=%D0%BF%2F%CE%B1%201")).toEqual({
      from: "latest",
      digest: true,
      ignored: [],
    });
  });
  // The page keeps no place beyond its own life, so that none can be asked for.
  it.each(["?from=sideways", "?from=", "?from=cursor", "?digest=yes"])(
    "UX-18 refuses %s and says so",
    (search) => {
      const params = readParams(search);
      expect(params.ignored).toHaveLength(1);
      expect({ ...params, ignored: [] }).toEqual(readParams(""));
    },
  );
  it("BND-15 repeats no more than a little of what it refuses", () => {
    const [line] = readParams(`?from=${"\u{1F600}".repeat(5000)}`).ignored;
    expect(line?.length).toBeLessThan(200);
    expect(() => encodeURIComponent(line ?? "")).not.toThrow();
  });
});

describe("tooLong", () => {
  it("UX-18 says what is longer than it may be", () => {
    expect(tooLong("filter", "x".repeat(200), 200)).toBeNull();
    expect(tooLong("filter", null, 200)).toBeNull();
    expect(tooLong("filter", "x".repeat(201), 200)).toContain("filter= is longer than 200");
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
