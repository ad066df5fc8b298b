/** Why a relay lets nobody in: no browser tells its page what an upgrade was refused with. */

const WAIT_MS_MAX = 5_000;
const SENTENCE_CHARS_MAX = 200;
/** The relay's answer to a plain request where it would let a WebSocket in. */
const UPGRADE_REQUIRED = 426;
const NO_UPGRADE =
  "The relay answers, but no WebSocket gets through: a proxy in between does not pass the Upgrade header on.";

export interface Refusal {
  readonly sentence: string;
  /** Whether a valid token would help. */
  readonly needsSignIn: boolean;
}

const NONE: Refusal = { sentence: "", needsSignIn: false };

/** With what the relay at this WebSocket address would refuse, if it would. */
export async function refusalAt(url: string): Promise<Refusal> {
  try {
    // Browsers add the page's origin to OPTIONS, and to no GET where the page came from.
    const answer = await fetch(url.replace(/^ws/, "http"), {
      method: "OPTIONS",
      cache: "no-store",
      signal: AbortSignal.timeout(WAIT_MS_MAX),
    });
    // A proxy before the relay refuses in its own words; a relay that lets the page in refuses nothing.
    if (answer.status === UPGRADE_REQUIRED) return { ...NONE, sentence: NO_UPGRADE };
    const code = answer.headers.get(__REFUSAL_HEADER__);
    if (code === null) return NONE;
    return {
      sentence: sentenceOf(await answer.text()),
      needsSignIn: code === __UNAUTHENTICATED__,
    };
  } catch {
    return NONE;
  }
}

/** As much of a relay's words as the page shows. */
export function sentenceOf(text: string): string {
  return text.trim().slice(0, SENTENCE_CHARS_MAX);
}
