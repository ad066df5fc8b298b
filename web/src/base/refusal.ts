/** Why a relay lets nobody in: no browser tells its page what an upgrade was refused with. */

const WAIT_MS_MAX = 5_000;
const SENTENCE_CHARS_MAX = 200;
/** Foreign origin, too many connections, not ready: what a relay refuses an upgrade with. */
const REFUSED: readonly number[] = [403, 429, 503];

/** The sentence with which the relay at this WebSocket address would refuse, or an empty one. */
export async function refusalAt(url: string): Promise<string> {
  try {
    // Browsers add the page's origin to OPTIONS, and to no GET where the page came from.
    const answer = await fetch(url.replace(/^ws/, "http"), {
      method: "OPTIONS",
      cache: "no-store",
      signal: AbortSignal.timeout(WAIT_MS_MAX),
    });
    // A proxy before the relay answers with pages of its own.
    const plain = (answer.headers.get("content-type") ?? "").startsWith("text/plain");
    if (!plain || !REFUSED.includes(answer.status)) return "";
    return (await answer.text()).trim().slice(0, SENTENCE_CHARS_MAX);
  } catch {
    return "";
  }
}
