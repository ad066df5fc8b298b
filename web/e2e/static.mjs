// Serves the built page and nothing else: no relay answers behind it.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES = new Map([
  [".html", "text/html; charset=utf-8"],
  [".js", "text/javascript"],
  [".css", "text/css"],
  [".wasm", "application/wasm"],
  [".svg", "image/svg+xml"],
]);
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; " +
  "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'";

/**
 * @param {string} dist
 * @returns {Promise<{ url: string, close: () => void }>}
 */
export function serveFolder(dist) {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://page").pathname);
    const file = join(dist, path === "/" ? "index.html" : path);
    readFile(file).then(
      (bytes) => {
        response.setHeader("content-type", TYPES.get(extname(file)) ?? "application/octet-stream");
        response.setHeader("content-security-policy", POLICY);
        response.end(bytes);
      },
      () => {
        response.statusCode = 404;
        response.end("Not found");
      },
    );
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      resolve({
        url: `http://127.0.0.1:${port}/`,
        close: () => {
          server.close();
          server.closeAllConnections();
        },
      });
    });
  });
}
