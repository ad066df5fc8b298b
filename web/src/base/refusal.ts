/** Why a relay lets nobody in: no browser tells its page what an upgrade was refused with. */

const WAIT_MS_MAX = 5_000;
const SENTENCE_CHARS_MAX = 200;
/** The relay's answer to a plain request where it would let a WebSocket in. */
const UPGRADE_REQUIRED = 426;
const NO_UPGRADE =
  "The relay answers, but no WebSocket gets through: a proxy in between does not pass the Upgrade header on.";

/** The sentence with which the relay at this WebSocket address would refuse, or an empty one. */
export async function refusalAt(url: string): Promise<string> {
  try {
    // Browsers add the page's origin to OPTIONS, and to no GET where the page came from.
    const answer = await fetch(url.replace(/^ws/, "http"), {
      method: "OPTIONS",
      cache: "no-store",
      signal: AbortSignal.timeout(WAIT_MS_MAX),
    });
    // A proxy before the relay refuses in its own words; a relay that lets the page in refuses nothing.
    if (answer.status === UPGRADE_REQUIRED) return NO_UPGRADE;
    if (!answer.headers.has(__REFUSAL_HEADER__)) return "";
    return (await answer.text()).trim().slice(0, SENTENCE_CHARS_MAX);
  } catch {
    return "";
  }
}
