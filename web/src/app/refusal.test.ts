// @vitest-environment happy-dom
import { describe, expect, it, vi } from "vitest";
import { CONNECTION } from "../base/testing/connection.js";
import { answered, running, takeOver, worker } from "./testing/page.js";

takeOver();

describe("a relay that lets nobody in", () => {
  const asked: string[] = [];
  const answers = (status: number, body: string, code?: string): void => {
    asked.length = 0;
    const headers: HeadersInit = code === undefined ? {} : { [__REFUSAL_HEADER__]: code };
    vi.stubGlobal("fetch", (url: string) => {
      asked.push(url);
      return Promise.resolve(new Response(body, { status, headers }));
    });
  };
  const ended = async (epoch: number, code = 1006): Promise<void> => {
    const lastClose = { code, reason: "" };
    worker().connection = { ...CONNECTION, phase: "waiting", epoch, lastClose };
    answered(5);
    await vi.advanceTimersByTimeAsync(0);
  };
  const toTheRelay = (): string[] => asked.filter((url) => url.endsWith("/ws"));
  /** Where it was let in before, a relay that restarts is likelier than one that refuses. */
  const endedAtFirst = async (): Promise<void> => {
    for (const epoch of [95, 96, 97, 98, 99]) await ended(epoch);
    expect(toTheRelay()).toEqual([]);
  };
  it("is asked why, once a connection", async () => {
    const { store } = running(5);
    answers(429, "Too many connections from this address.\n", "per_ip");
    await endedAtFirst();
    await ended(102);
    await ended(102);
    expect(toTheRelay()).toEqual(["http://relay/ws"]);
    expect(store.connection.refusal).toBe("Too many connections from this address.");
    worker().connection = CONNECTION;
    answered(5);
    expect(store.connection.refusal).toBe("");
  });
  it("D17 is told from a proxy that strips the Upgrade header", async () => {
    const { store } = running(5);
    answers(426, "This is a WebSocket endpoint.");
    await endedAtFirst();
    await ended(102);
    expect(store.connection.refusal).toContain("does not pass the Upgrade header on");
  });
  it("is believed only where it refuses in its own words", async () => {
    const { store } = running(5);
    answers(404, "Not here.");
    await endedAtFirst();
    await ended(102);
    expect(toTheRelay()).toHaveLength(1);
    expect(store.connection.refusal).toBe("");
    answers(503, "<html>Bad gateway</html>");
    await ended(103);
    expect(store.connection.refusal).toBe("");
    answers(429, "Too many connections.", "total");
    await ended(104, 1001);
    expect(toTheRelay()).toEqual([]);
  });
});
