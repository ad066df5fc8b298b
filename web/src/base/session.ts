/** The session that the relay gives a page for a token. It is a cookie that the page cannot read. */
import { sentenceOf } from "./refusal.js";
import { besides } from "./url.js";

const WAIT_MS_MAX = 10_000;

/** What signing in came to: a sentence about what went wrong, or an empty one. */
export async function signIn(url: string, token: string): Promise<string> {
  const answer = await ask(url, "POST", JSON.stringify({ token }));
  if (answer === null) return "The relay does not answer. Try again.";
  if (answer.ok) return "";
  const isOfRelay = answer.headers.has(__REFUSAL_HEADER__);
  if (isOfRelay && answer.status === 401) return "This token is not valid.";
  const sentence = isOfRelay ? sentenceOf(await answer.text().catch(() => "")) : "";
  return sentence === "" ? `Signing in failed with status ${answer.status}.` : sentence;
}

/** Whether the session is ended. */
export async function signOut(url: string): Promise<boolean> {
  const answer = await ask(url, "DELETE", null);
  return answer?.ok === true;
}

async function ask(url: string, method: string, body: string | null): Promise<Response | null> {
  try {
    return await fetch(besides(url, __SESSION_PATH__.slice(1)), {
      method,
      body,
      headers: body === null ? {} : { "Content-Type": "application/json" },
      cache: "no-store",
      signal: AbortSignal.timeout(WAIT_MS_MAX),
    });
  } catch {
    return null;
  }
}
