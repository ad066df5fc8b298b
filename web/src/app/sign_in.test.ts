// @vitest-environment happy-dom
import { describe, expect, it, vi } from "vitest";
import { CONNECTION } from "../base/testing/connection.js";
import { answered, makePage, pass, running, takeOver, worker, type Page } from "./testing/page.js";

takeOver();

interface Asked {
  readonly url: string;
  readonly method: string;
  readonly body: unknown;
}
const asked: Asked[] = [];

/** What the relay answers from now on. */
function answers(status: number, body: string, code?: string): void {
  asked.length = 0;
  const headers: HeadersInit = code === undefined ? {} : { [__REFUSAL_HEADER__]: code };
  vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
    asked.push({ url, method: init.method ?? "GET", body: init.body });
    return Promise.resolve(new Response(body, { status, headers }));
  });
}

async function ended(epoch: number, code: number): Promise<void> {
  const lastClose = { code, reason: "" };
  worker().connection = { ...CONNECTION, phase: "waiting", epoch, lastClose };
  answered(5);
  await vi.advanceTimersByTimeAsync(0);
}

function served(): void {
  worker().connection = CONNECTION;
  answered(5);
}

/** A page that was never let in. */
async function stranger(): Promise<Page> {
  const page = makePage();
  worker().ready();
  pass(1);
  const lastClose = { code: 1006, reason: "" };
  worker().connection = { ...CONNECTION, phase: "waiting", epoch: 1, lastClose };
  answered(0);
  await vi.advanceTimersByTimeAsync(0);
  return page;
}

describe("a relay that asks for a token", () => {
  it("SEC-01 asks a stranger to sign in, and nobody that it refuses otherwise", async () => {
    answers(401, "This needs valid credentials.", __UNAUTHENTICATED__);
    expect((await stranger()).store.connection.signIn).toBe("first");
    answers(429, "Too many connections.", "total");
    expect((await stranger()).store.connection.signIn).toBeNull();
  });
  it("SEC-01 asks again at once when it closes a connection for that", async () => {
    const { store } = running(5);
    answers(401, "This needs valid credentials.", __UNAUTHENTICATED__);
    await ended(2, __NOT_AUTHORISED__);
    expect(store.connection.signIn).toBe("ended");
    await ended(3, 1006);
    expect(store.connection.signIn).toBe("ended");
    expect(store.health.verdict).toBe("Trouble at: This page. Your session has ended");
    await vi.advanceTimersByTimeAsync(2_000);
    expect(store.panes.spoken).toBe("Connection: Your session has ended");
    served();
    expect(store.connection.signIn).toBeNull();
  });
  it("SEC-01 asks a page that signed in for its reason at the first end that has none", async () => {
    const { store } = running(5);
    answers(200, '{"role":"viewer"}');
    await store.access.signIn("secret");
    answers(401, "This needs valid credentials.", __UNAUTHENTICATED__);
    await ended(2, 1006);
    expect(store.connection.signIn).toBe("ended");
    await store.access.signOut();
    store.access.signedIn = false;
  });
  it("SEC-01 asks again after signing out, also if the close that says why was not seen", async () => {
    const { store } = running(5);
    answers(200, '{"role":"viewer"}');
    await store.access.signIn("secret");
    await store.access.signOut();
    expect(store.access.signedIn).toBe(false);
    answers(401, "This needs valid credentials.", __UNAUTHENTICATED__);
    await ended(2, 1006);
    expect(store.connection.signIn).toBe("ended");
  });
  it("SEC-02 gives the token to the relay alone, and tries the connection again", async () => {
    const { store } = running(5);
    await ended(2, __NOT_AUTHORISED__);
    answers(200, '{"role":"viewer"}');
    const before = worker().told.length;
    expect(await store.access.signIn("secret")).toBe(true);
    const [sent] = asked.filter(({ url }) => url.includes(__SESSION_PATH__));
    expect(sent).toEqual({
      url: `http://relay${__SESSION_PATH__}`,
      method: "POST",
      body: '{"token":"secret"}',
    });
    expect(worker().told.slice(before)).toContainEqual({ type: "wake" });
    expect(store.connection.signIn).toBeNull();
    expect(store.access.signedIn).toBe(true);
    expect(JSON.stringify(Object.entries(localStorage))).not.toContain("secret");
    await store.access.signOut();
    expect(asked.at(-1)?.method).toBe("DELETE");
    expect(store.access.signedIn).toBe(false);
  });
  it("says why it does not take a token", async () => {
    const { store } = running(5);
    const refused = async (status: number, body: string, code?: string): Promise<string> => {
      answers(status, body, code);
      expect(await store.access.signIn("secret")).toBe(false);
      return store.access.error;
    };
    const words = await refused(401, "Credentials.", __UNAUTHENTICATED__);
    expect(words).toBe("This token is not valid.");
    expect(await refused(429, "Wait a minute.\n", "attempts")).toBe("Wait a minute.");
    expect(await refused(502, "<html>")).toBe("Signing in failed with status 502.");
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("gone")));
    await store.access.signIn("secret");
    expect(store.access.error).toBe("The relay does not answer. Try again.");
  });
});
