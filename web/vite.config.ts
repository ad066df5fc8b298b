import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";
import { wireText } from "./build/wire.ts";

const relay = "http://127.0.0.1:3002";
const wsPath = wireText("WS_PATH");

export default defineConfig({
  // Relative, so that the page also works behind a proxy that puts it under a path.
  base: "./",
  plugins: [svelte()],
  define: { __WS_PATH__: JSON.stringify(wsPath) },
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
      [wsPath]: { target: relay, ws: true },
      "/health": relay,
      "/version": relay,
      "/metrics": relay,
    },
  },
  // Under test too the framework's browser half runs, not the one for servers.
  ...(process.env["VITEST"] === undefined ? {} : { resolve: { conditions: ["browser"] } }),
  test: {
    include: ["src/**/*.test.ts"],
  },
});
