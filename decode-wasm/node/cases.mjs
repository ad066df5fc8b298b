// What the module is judged by: the shared vectors with the text their file states, the records of
// the real capture and damaged copies of both with what the native decoder says of them.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { delimited } from "./judge.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** The folder with the generated bindings and the module. */
export const GENERATED = join(process.env.DASHSTREAM_WEB ?? join(ROOT, "web"), "src/generated");
/** Damaged copies; each is judged in one mode. */
const DAMAGED = 4000;
/** Longer payloads are not damaged: they cost much and say no more. */
const DAMAGED_BYTES_MAX = 4096;

/** Something that is not on this machine. */
export class Missing extends Error {}

/** A test that is skipped where it lacks something; an error where everything is required. */
export function skippable(run) {
  return async (t) => {
    try {
      await run(t);
    } catch (error) {
      // Captured traffic is what no set-up can fetch.
      const excused = error.message.includes("DASHSTREAM_CORPUS");
      const required = process.env.DASHSTREAM_REQUIRE === "all" && !excused;
      if (!(error instanceof Missing) || required) throw error;
      t.skip(error.message);
    }
  };
}

/** The lines of vectors/payloads.tsv, each in both modes. */
export function vectorCases() {
  const lines = readFileSync(join(ROOT, "vectors/payloads.tsv"), "utf8").split("\n");
  const cases = [];
  for (const line of lines) {
    if (line === "" || line.startsWith("#")) continue;
    const [name, pieces, strict, compatible, text] = line.split("\t");
    const payload = Buffer.concat(pieces.split(" ").map(piece));
    const expected = (verdict) => ({ verdict, text: verdict === "ok" ? text : "" });
    cases.push({ name, payload, compatible: false, ...expected(strict) });
    cases.push({ name, payload, compatible: true, ...expected(compatible) });
  }
  return cases;
}

/** A piece is hex, perhaps with how often it stands there. */
function piece(text) {
  if (text === "-") return Buffer.alloc(0);
  const [hex, times] = text.split("*");
  const bytes = Buffer.from(hex, "hex");
  return times === undefined ? bytes : Buffer.alloc(bytes.length * Number(times), bytes);
}

/** The records of the real capture with the native decoder's answers. */
export async function captureCases() {
  return native(capture(), false, (index) => `record ${index}`);
}

/** Damaged copies of vectors and records with the native decoder's answers. */
export async function damagedCases() {
  const whole = vectorCases().map(({ payload }) => payload);
  const pool = [...whole, ...captured()];
  const small = pool.filter((p) => p.length > 0 && p.length <= DAMAGED_BYTES_MAX);
  const random = randomOf(20_260_730);
  const damaged = Array.from({ length: DAMAGED }, () =>
    damage(Buffer.from(small[random(small.length)]), small, random),
  );
  const half = DAMAGED / 2;
  const strict = await native(damaged.slice(0, half), false, (index) => `damaged ${index}`);
  const name = (index) => `damaged ${index + half}`;
  const compatible = await native(damaged.slice(half), true, name);
  return [...strict, ...compatible];
}

/** One to eight changes: a bit, a byte, a cut, a doubled range, or another payload's tail. */
function damage(payload, others, random) {
  let bytes = payload;
  for (let left = 1 + random(8); left > 0 && bytes.length > 0; left--) {
    const at = random(bytes.length);
    const way = random(6);
    if (way <= 1) bytes[at] ^= 1 << random(8);
    else if (way === 2) bytes[at] = random(256);
    else if (way === 3) bytes = bytes.subarray(0, at);
    else if (way === 4) {
      const end = at + random(Math.min(16, bytes.length - at) + 1);
      bytes = Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    } else {
      const other = others[random(others.length)];
      bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(random(other.length))]);
    }
  }
  return bytes;
}

/** A linear congruential generator: the same damage on every machine. */
function randomOf(seed) {
  let state = seed >>> 0;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

/** The real capture, or nothing where there is none. */
export function captured() {
  try {
    return capture();
  } catch (error) {
    if (error instanceof Missing) return [];
    throw error;
  }
}

/** Values of the real capture in the order of its file. */
function capture() {
  const beside = join(ROOT, "../shared/corpus");
  const file = join(process.env.DASHSTREAM_CORPUS ?? beside, "dashflow-real/dashflow-real.capture");
  if (!existsSync(file)) throw new Missing("no captured traffic (DASHSTREAM_CORPUS)");
  const bytes = readFileSync(file);
  const values = [];
  for (let at = 0; at < bytes.length;) {
    // Partition, offset and time stand before the two length-prefixed fields.
    at += 4 + 8 + 8;
    at += 4 + bytes.readUInt32LE(at);
    const length = bytes.readUInt32LE(at);
    values.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return values;
}

/** What the native decoder says, by way of `dashstream inspect`. */
async function native(payloads, compatible, name) {
  const binary = process.env.DASHSTREAM_CLI_BIN ?? join(ROOT, "target/debug/dashstream");
  if (!existsSync(binary)) throw new Missing("no native command line (DASHSTREAM_CLI_BIN)");
  const mode = compatible ? "--compatible" : "--strict";
  const child = spawn(binary, ["inspect", "--format", "delimited", mode], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const output = [];
  child.stdout.on("data", (chunk) => output.push(chunk));
  const ended = new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  child.stdin.end(delimited(payloads));
  const code = await ended;
  const lines = Buffer.concat(output).toString("utf8").split("\n");
  if ((code !== 0 && code !== 3) || lines.length !== payloads.length + 1) {
    throw new Error(`inspect: code ${code}, ${lines.length - 1} lines for ${payloads.length}`);
  }
  return payloads.map((payload, index) => {
    const line = lines[index];
    const rejected = line.startsWith('{"@rejected"');
    const verdict = rejected ? JSON.parse(line)["@rejected"].code : "ok";
    return { name: name(index), payload, compatible, verdict, text: rejected ? "" : line };
  });
}

/**
 * Compares answers with what was expected of them; the differences as text, at most a screenful.
 * @param cases what {@link vectorCases} and its like give
 * @param answers one per case, as `judge.mjs` gives them
 */
export function differences(cases, answers) {
  const found = [];
  const codes = new Map();
  cases.forEach(({ name, compatible, verdict, text }, index) => {
    const answer = answers[index];
    const shown = `${name}, ${compatible ? "compatible" : "strict"}`;
    if (answer.verdict !== verdict) found.push(`${shown}: ${answer.verdict}, not ${verdict}`);
    if (answer.text !== text) found.push(`${shown}: the text differs: ${answer.text}`);
    if (answer.rows < 0) {
      if (verdict !== "too_large") found.push(`${shown}: the frame was refused`);
      return;
    }
    // The columns have the code's number; each number must stand for one verdict throughout.
    const known = codes.get(answer.code) ?? verdict;
    codes.set(answer.code, known);
    if (known !== verdict) found.push(`${shown}: code ${answer.code}, as of ${known}`);
  });
  if (new Set(codes.values()).size !== codes.size) found.push("two numbers for one verdict");
  return found.slice(0, 20);
}
