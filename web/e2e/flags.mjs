// How every script here starts Chromium: without a sandbox of its own, which containers do not allow, and
// without a word to anybody but the page's server.
export const CHROMIUM_FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
