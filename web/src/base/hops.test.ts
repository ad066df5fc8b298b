import { describe, expect, it } from "vitest";
import { readHealth, type RelayHealth } from "./health.js";
import { CONNECTION } from "./testing/connection.js";
import { hopsOf, verdict, type Known } from "./hops.js";

const ACCOUNT = {
  status: "ok",
  reasons: [],
  topic: { name: "t", state: "present" },
  lastRecordAgoMs: 400,
  partitions: {
    "0": { lag: "0", lastAnswerAgoMs: 20, paused: null },
    "1": { lag: "0", lastAnswerAgoMs: 30, paused: null },
  },
};

function account(change: object = {}): RelayHealth {
  const health = readHealth({ ...ACCOUNT, ...change });
  if (health === null) throw new Error("not an account");
  return health;
}

function known(change: Partial<Known> = {}, health: object = {}): Known {
  return {
    health: { kind: "health", health: account(health) },
    healthAgeMs: 500,
    connection: CONNECTION,
    refusal: "",
    signIn: null,
    host: "127.0.0.1:3002",
    remaining: 0,
    isOfFile: false,
    ...change,
  };
}

const tones = (of: Known): string[] => hopsOf(of).map((hop) => `${hop.name}: ${hop.tone}`);

describe("D1 where a record is held up", () => {
  it("is nowhere while all works", () => {
    expect(tones(known())).toEqual([
      "Producers: good",
      "Kafka: good",
      "Relay: good",
      "This page: good",
    ]);
    expect(verdict(hopsOf(known()))).toBe("Everything works.");
  });
  it("tells a topic on which nothing comes from a broker that is gone", () => {
    const quiet = known({}, { lastRecordAgoMs: 300_000 });
    expect(tones(quiet)).toContain("Producers: quiet");
    expect(verdict(hopsOf(quiet))).toBe("Everything works; no new record for 5 min.");
    const dead = known(
      {},
      {
        status: "degraded",
        lastRecordAgoMs: 33_000,
        reasons: ["partition 0: its broker does not answer"],
        partitions: { "0": { lag: "0", lastAnswerAgoMs: 33_000, paused: null } },
      },
    );
    expect(tones(dead)).toContain("Kafka: bad");
    expect(tones(dead)).toContain("This page: good");
    const [, kafka] = hopsOf(dead);
    expect(kafka?.words).toBe("no answer for 33 s");
    expect(verdict(hopsOf(dead))).toBe(
      "Trouble at: Kafka. partition 0: its broker does not answer",
    );
  });
  it("D8 tells a topic that does not exist from a broker that never answered", () => {
    const missing = known(
      {},
      {
        status: "starting",
        topic: { name: "t", state: "absent" },
        reasons: ["the topic t does not exist"],
      },
    );
    expect(hopsOf(missing)[1]).toMatchObject({ tone: "bad", words: "topic missing" });
    const down = known({}, { status: "starting", topic: { name: "t", state: "connecting" } });
    expect(hopsOf(down)[1]).toMatchObject({ tone: "bad", words: "no broker answers" });
  });
  it("names a pause with the relay, and its reason", () => {
    const paused = known(
      {},
      {
        status: "degraded",
        reasons: ["partition 1: paused at offset 7 until it is released: zstd"],
        partitions: { "1": { lag: "9", paused: { offset: "7", reason: "zstd" } } },
      },
    );
    expect(hopsOf(paused)[2]).toMatchObject({ tone: "bad", words: "1 partition paused" });
    expect(tones(paused)).toContain("Kafka: good");
  });
  it("D9 says that nothing answers, by host, and takes no old account for the present", () => {
    const gone = known({
      healthAgeMs: 60_000,
      connection: { ...CONNECTION, phase: "waiting", lastClose: { code: 1006, reason: "" } },
    });
    expect(tones(gone)).toEqual([
      "Producers: unknown",
      "Kafka: unknown",
      "Relay: bad",
      "This page: bad",
    ]);
    expect(verdict(hopsOf(gone))).toBe("Trouble at: Relay. No answer from 127.0.0.1:3002.");
  });
  it("SEC-01 says that a session has ended, and nothing of a relay that does not answer", () => {
    const lastClose = { code: 1006, reason: "" };
    const shutOut = (change: Partial<Known>): Known =>
      known({
        health: null,
        connection: { ...CONNECTION, phase: "waiting", lastClose },
        ...change,
      });
    const ended = shutOut({ signIn: "ended", refusal: "The relay asks for a token." });
    expect(verdict(hopsOf(ended))).toBe("Trouble at: This page. Your session has ended");
    const first = shutOut({ signIn: "first" });
    expect(verdict(hopsOf(first))).toBe("Trouble at: This page. Sign in to continue");
    for (const hop of [...hopsOf(ended), ...hopsOf(first)]) expect(hop.reasons).toEqual([]);
  });
  it("says what the relay says where it lets nobody in", () => {
    const full = known({
      health: null,
      refusal: "Too many connections.",
      connection: { ...CONNECTION, phase: "waiting" },
    });
    expect(verdict(hopsOf(full))).toBe("Trouble at: Relay. Too many connections.");
  });
  it("UX-05 MET-14 an apply lag over a second is worth a word, over five it is trouble here", () => {
    const page = (change: object): object =>
      hopsOf(known({ connection: { ...CONNECTION, ...change } }))[3] ?? {};
    expect(page({ meanApplyLagMs: 1_000, applyLagMs: 9_000 })).toMatchObject({ tone: "good" });
    const late = { tone: "busy", words: "shows records 2 s late" };
    expect(page({ meanApplyLagMs: 2_400 })).toMatchObject(late);
    expect(page({ backlogMessages: 101 })).toMatchObject({ tone: "busy", words: "has a backlog" });
    expect(page({ meanApplyLagMs: 5_001 })).toMatchObject({ tone: "bad" });
    const slow = known({ connection: { ...CONNECTION, backlogMessages: 501 } });
    expect(verdict(hopsOf(slow))).toBe(
      "Trouble at: This page. 501 messages wait to be decoded in this browser.",
    );
  });
  it("knows nothing of Kafka where a capture is served", () => {
    expect(tones(known({ health: null, isOfFile: true }))).toEqual([
      "Capture: good",
      "This page: good",
    ]);
  });
});

describe("readHealth", () => {
  it("BND-15 takes nothing that is not an account, and no more reasons than fit", () => {
    for (const value of [null, 7, [], {}, { status: 3 }]) expect(readHealth(value)).toBeNull();
    const many = Array.from({ length: 1000 }, (_, at) => `reason ${at}`);
    expect(readHealth({ status: "ok", reasons: many })?.reasons).toHaveLength(20);
    expect(
      readHealth({ status: "ok", partitions: { "0": { lag: "x" } } })?.partitions[0]?.lag,
    ).toBeNull();
  });
});
