// Firefox, driven over Marionette, its own protocol on a port of loopback: no driver has to be installed.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const EXECUTABLE = process.env["DASHSTREAM_FIREFOX"] ?? "/usr/bin/firefox-esr";
const PATIENCE_MS = 120_000;
const FLAGS = ["--headless", "--no-remote", "--marionette", "--remote-allow-system-access"];
/** Any free port; nothing is asked of anybody but the page's server. */
const PREFERENCES = `
user_pref("marionette.port", 0);
user_pref("app.normandy.enabled", false);
user_pref("browser.safebrowsing.downloads.remote.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
`;

/** Commands to a running Firefox: a length, a colon and a list as JSON, both ways. */
export class Marionette {
  #socket;
  #bytes = Buffer.alloc(0);
  #last = 0;
  /** @type {Map<number, (answer: { error: unknown, result: any }) => void>} */
  #waiting = new Map();

  /** @param {import("node:net").Socket} socket */
  constructor(socket) {
    this.#socket = socket;
    socket.on("data", (bytes) => this.#take(bytes));
  }

  /** @param {Buffer} bytes */
  #take(bytes) {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (;;) {
      const colon = this.#bytes.indexOf(":");
      if (colon < 0) return;
      const end = colon + 1 + Number(this.#bytes.subarray(0, colon).toString());
      if (this.#bytes.length < end) return;
      const message = JSON.parse(this.#bytes.subarray(colon + 1, end).toString());
      this.#bytes = this.#bytes.subarray(end);
      // The first message is a greeting.
      if (!Array.isArray(message)) continue;
      const [, id, error, result] = message;
      this.#waiting.get(id)?.({ error, result });
      this.#waiting.delete(id);
    }
  }

  /**
   * @param {string} name
   * @param {object} [parameters]
   * @returns {Promise<any>}
   */
  async send(name, parameters = {}) {
    this.#last += 1;
    const id = this.#last;
    const text = JSON.stringify([0, id, name, parameters]);
    /** @type {Promise<{ error: unknown, result: any }>} */
    const answer = new Promise((resolve) => this.#waiting.set(id, resolve));
    this.#socket.write(`${Buffer.byteLength(text)}:${text}`);
    const { error, result } = await answer;
    if (error !== null) throw new Error(`${name}: ${JSON.stringify(error)}`);
    return result;
  }

  /**
   * Runs the body of a function in the page, or in the browser itself.
   * @param {"content" | "chrome"} where
   * @param {string} body
   * @param {unknown[]} [args]
   */
  async script(where, body, args = []) {
    await this.send("Marionette:SetContext", { value: where });
    const { value } = await this.send("WebDriver:ExecuteScript", { script: body, args });
    return value;
  }
}

/** Starts Firefox with a profile of its own. */
export async function openFirefox() {
  const profile = await mkdtemp(join(tmpdir(), "dashstream-firefox-"));
  await writeFile(join(profile, "user.js"), PREFERENCES);
  const firefox = spawn(EXECUTABLE, [...FLAGS, "--profile", profile], { stdio: "ignore" });
  const ended = new Promise((resolve) => {
    firefox.once("exit", resolve);
    firefox.once("error", resolve);
  });
  const close = async () => {
    firefox.kill();
    await ended;
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    return { marionette: await reached(profile), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** @param {string} profile */
async function reached(profile) {
  const endMs = performance.now() + PATIENCE_MS;
  while (performance.now() < endMs) {
    const port = await readFile(join(profile, "MarionetteActivePort"), "utf8").catch(() => "");
    const socket = port === "" ? null : await dial(Number(port));
    if (socket !== null) return new Marionette(socket);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("Firefox does not listen");
}

/**
 * @param {number} port
 * @returns {Promise<import("node:net").Socket | null>}
 */
function dial(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(socket));
    socket.once("error", () => resolve(null));
  });
}
