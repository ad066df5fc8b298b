// @vitest-environment happy-dom
import { flushSync, mount, unmount } from "svelte";
import { describe, expect, it } from "vitest";
import TwoPanels from "./testing/TwoPanels.svelte";

describe("Panel", () => {
  it("UX-16 keeps a failure inside and can be tried again", () => {
    let broken = true;
    const page = mount(TwoPanels, { target: document.body, props: { broken: () => broken } });
    flushSync();
    const one = document.querySelector("#one");
    expect(one?.querySelector("[role=alert]")?.textContent).toContain("this content is broken");
    expect(document.querySelector("#two")?.textContent).toContain("whole");
    broken = false;
    one?.querySelector("button")?.click();
    flushSync();
    expect(one?.querySelector("[role=alert]")).toBeNull();
    expect(one?.textContent).toContain("content");
    void unmount(page);
  });
});
