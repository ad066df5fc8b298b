import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";
import { finish } from "./build/finish.ts";
import {
  initSync,
  notAuthorisedClose,
  protocolErrorClose,
  refusalHeader,
  sessionPath,
  unauthenticatedCode,
  wsPath,
} from "./src/generated/decode_wasm.js";

/** The running relay behind `npm run dev`. */
const relay = process.env["DASHSTREAM_RELAY"] ?? "http://127.0.0.1:3002";
// The module knows the names on which page and relay must agree.
initSync({
  module: readFileSync(new URL("./src/generated/decode_wasm_bg.wasm", import.meta.url)),
});
const socketPath = wsPath();

/** Compresses and preloads, once the files of the page are written. */
function finished(): Plugin {
  let folder = "";
  return {
    name: "finished",
    apply: "build",
    configResolved(config) {
      folder = resolve(config.root, config.build.outDir);
    },
    closeBundle() {
      finish(folder);
    },
  };
}

export default defineConfig({
  // Relative, so that the page also works behind a proxy that puts it under a path.
  base: "./",
  plugins: [svelte(), finished()],
  define: {
    __WS_PATH__: JSON.stringify(socketPath),
    __REFUSAL_HEADER__: JSON.stringify(refusalHeader()),
    __UNAUTHENTICATED__: JSON.stringify(unauthenticatedCode()),
    __SESSION_PATH__: JSON.stringify(sessionPath()),
    __NOT_AUTHORISED__: JSON.stringify(notAuthorisedClose()),
    __PROTOCOL_ERROR__: JSON.stringify(protocolErrorClose()),
  },
  worker: { format: "es" },
  build: {
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // The content security policy lets nothing run or load from data: addresses except images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    host: "127.0.0.1",
    proxy: {
      [socketPath]: { target: relay, ws: true },
      [sessionPath()]: relay,
      "/health": relay,
      "/ready": relay,
      "/version": relay,
      "/metrics": relay,
    },
  },
  // Under test too the framework's browser half runs, not the one for servers.
  ...(process.env["VITEST"] === undefined ? {} : { resolve: { conditions: ["browser"] } }),
  test: {
    include: ["src/**/*.test.ts", "build/**/*.test.ts"],
  },
});
