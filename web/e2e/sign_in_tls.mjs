// Signing in through a proxy with TLS: the session is a cookie that browsers send only over TLS, and that no
// script reads. Prints one JSON object; exit code 1 on any failed check.
//
//   node sign_in_tls.mjs --url URL --plain URL --name HOST --token TOKEN
//
// HOST is taken for this machine, and its certificate for a good one. The plain URL is the relay's own,
// without TLS.
import { needed } from "./arguments.mjs";
import { openBrowser, readPage } from "./browser.mjs";
import { must, Steps, until } from "./steps.mjs";

const { url, plain, name, token } = needed("url", "plain", "name", "token");

const { page, trouble, close } = await openBrowser({
  flags: [`--host-resolver-rules=MAP ${name} 127.0.0.1`, "--ignore-certificate-errors"],
});
page.setDefaultTimeout(60_000);
const dialog = page.locator('[data-testid="sign-in-dialog"]');
const phase = () => page.locator('[data-testid="phase"]').getAttribute("data-phase");
const live = () => until("phase", phase, (now) => now === "live", 60_000);
/** The session's cookies, all of them or those that the browser would send to an address. */
const cookies = async (/** @type {string[]} */ ...addresses) =>
  (await page.context().cookies(addresses)).filter((cookie) =>
    cookie.name.startsWith("dashstream_session"),
  );
const steps = new Steps(async () => undefined);

await steps.check("SEC-02 a token is exchanged for a cookie that only TLS carries", async () => {
  await page.goto(url, { waitUntil: "load" });
  await dialog.waitFor();
  must((await cookies()).length === 0, "a session before signing in");
  await dialog.getByLabel("Token").fill(token);
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await live();
  const [cookie, ...others] = await cookies();
  const seen = JSON.stringify(cookie);
  must(cookie !== undefined && others.length === 0, `not one cookie: ${seen}`);
  must(cookie?.secure === true, seen);
  must(cookie?.httpOnly === true && cookie.sameSite === "Strict", seen);
  must(cookie?.domain === name, seen);
  must((await cookies(url)).length === 1, "the browser does not send it over TLS");
  const bare = new URL(plain);
  bare.hostname = name;
  must((await cookies(bare.href)).length === 0, "the browser sends it without TLS");
  must(!(await page.evaluate(() => document.cookie)).includes("dashstream"), "a script reads it");
});

await steps.check("SEC-02 a page that is loaded again is signed in by it", async () => {
  await page.reload({ waitUntil: "load" });
  await live();
  await until(
    "records",
    () => readPage(page),
    (now) => now.totals.records > 0,
    30_000,
  );
  must(!(await dialog.isVisible()), "the form is there");
});

await steps.check("SEC-02 signing out takes it away", async () => {
  await page.locator('[data-testid="sign-out"]').click();
  await dialog.waitFor();
  must((await cookies()).length === 0, "the cookie is still there");
});

must(trouble.cspViolations.length === 0, JSON.stringify(trouble.cspViolations));
must(trouble.pageErrors.length === 0, JSON.stringify(trouble.pageErrors));
await close();
process.stdout.write(`${JSON.stringify({ ok: steps.ok, checks: steps.results }, null, 2)}\n`);
process.exitCode = steps.ok ? 0 : 1;
