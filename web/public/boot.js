// Two builds of the page behind one balancer, or a page kept open over an upgrade: the files that this
// document names may be gone. A reload then gets a document that fits; a page is never left blank.
(() => {
  const KEY = "dashstream.reloads";
  const RELOADS_MAX = 3;
  const WINDOW_MS = 30_000;

  /** Times of the reloads so far, this window only. */
  const reloads = () => {
    try {
      const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
      return Array.isArray(kept) ? kept.filter((ms) => Date.now() - ms < WINDOW_MS) : [];
    } catch {
      // Without storage nobody counts, so nobody reloads by itself.
      return Array(RELOADS_MAX).fill(0);
    }
  };
  const gone = (/** @type {Event} */ event) => {
    const { target } = event;
    const file =
      target instanceof HTMLScriptElement
        ? target.src
        : target instanceof HTMLLinkElement
          ? target.href
          : "";
    if (file === "" || file.endsWith(".svg")) return;
    const before = reloads();
    // From here on the text in the document says what to do.
    if (before.length >= RELOADS_MAX) return;
    sessionStorage.setItem(KEY, JSON.stringify([...before, Date.now()]));
    location.reload();
  };
  addEventListener("error", gone, true);
})();
