// Signing in as a person does: at a relay that asks for a token, after a token was refused, after a session's
// time is over, and after the token was taken out of the file. Prints one JSON object; exit code 1 on any
// failed check.
//
//   node sign_in.mjs --url URL --out DIR --token TOKEN --other TOKEN --tokens-file FILE --records N
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openBrowser, readPage } from "./browser.mjs";
import { accessible, focusIs, must, Steps, until } from "./steps.mjs";

const text = /** @type {const} */ ({ type: "string", default: "" });
const { values } = parseArgs({
  options: {
    url: text,
    out: text,
    token: text,
    other: text,
    "tokens-file": text,
    records: text,
  },
});
const { url, out, token, other } = values;
if (url === "" || out === "" || token === "" || other === "") {
  process.stderr.write("sign_in.mjs: --url, --out, --token and --other are needed\n");
  process.exit(2);
}
const records = Number(values.records);
await mkdir(out, { recursive: true });

const { page, trouble, close } = await openBrowser();
page.setDefaultTimeout(60_000);
const dialog = page.locator('[data-testid="sign-in-dialog"]');
const input = dialog.getByLabel("Token");
const submit = dialog.getByRole("button", { name: "Sign in" });
const phase = () => page.locator('[data-testid="phase"]').getAttribute("data-phase");
const live = () => until("phase", phase, (now) => now === "live", 60_000);
const asked = (/** @type {number} */ ms) =>
  until(
    "dialog",
    () => dialog.isVisible(),
    (now) => now,
    ms,
  );
const shot = (/** @type {string} */ name) => page.screenshot({ path: join(out, `${name}.png`) });
const cookies = async () =>
  (await page.context().cookies()).filter((cookie) => cookie.name.startsWith("dashstream_session"));
/** @param {string} what */
const totals = async (what) => {
  const shown = await until(
    what,
    () => readPage(page),
    (now) => now.totals.records >= records,
    30_000,
  );
  must(shown.totals.records === records, `${what}: ${shown.totals.records} of ${records} records`);
  return shown;
};
/** Header and strip name the cause that is known, and no other. @param {string} words */
const says = async (words) => {
  await until(
    "header",
    () => page.locator('[data-testid="phase"]').innerText(),
    (now) => now.includes(words),
  );
  // An attempt that is refused on the way changes nothing of it.
  for (const endMs = performance.now() + 4_000; performance.now() < endMs;) {
    const header = await page.locator('[data-testid="phase"]').innerText();
    const strip = await page.locator("#hops").innerText();
    const said = `${header} | ${strip}`;
    must(header.includes(words) && strip.includes(words), said);
    must(!/disconnected|no answer|next attempt|accepts no connections/iu.test(said), said);
    await page.waitForTimeout(200);
  }
};
const steps = new Steps(async () => undefined);

await steps.check("SEC-01 a stranger sees the form and no record", async () => {
  await page.goto(url, { waitUntil: "load" });
  await asked(30_000);
  const shown = await readPage(page);
  must(shown.totals.records === 0, "records without a token");
  await says("Sign in to continue");
  await focusIs(page, ({ name }) => name === "token");
  must((await input.getAttribute("type")) === "password", "the token is readable");
  must((await input.getAttribute("autocomplete")) === "current-password", "no password manager");
  await accessible(page);
  await shot("sign-in");
});

await steps.check("SEC-01 a wrong token is refused in words that are announced", async () => {
  await input.fill("0000000000000000000000000000000000");
  await page.keyboard.press("Enter");
  const alert = page.getByRole("alert").filter({ hasText: "not valid" });
  await alert.waitFor();
  must((await input.getAttribute("aria-invalid")) === "true", "the field is marked");
  must((await cookies()).length === 0, "no session");
  await accessible(page);
  await shot("sign-in-refused");
});

await steps.check("SEC-02 a token is exchanged for a cookie that no script reads", async () => {
  await input.fill(token);
  await submit.click();
  await live();
  await totals("signed in");
  await dialog.waitFor({ state: "hidden" });
  const [cookie] = await cookies();
  must(cookie?.httpOnly === true && cookie.sameSite === "Strict", JSON.stringify(cookie));
  must(cookie?.path === "/", `path ${cookie?.path}`);
  const kept = await page.evaluate(() =>
    [document.cookie, ...Object.values(localStorage), ...Object.values(sessionStorage)].join(" "),
  );
  must(!kept.includes(token), "the token is kept where scripts read it");
  must(!kept.includes("dashstream_session"), "the session is readable");
  must(!page.url().includes(token), "the token is in the address");
  await accessible(page);
});

await steps.check(
  "SEC-01 a session whose time is over asks again and keeps its place",
  async () => {
    await asked(60_000);
    await dialog.getByRole("heading", { name: "Sign in again" }).waitFor();
    const shown = await readPage(page);
    must(shown.totals.records === records, "what was shown is gone");
    await says("Your session has ended");
    await accessible(page);
    await shot("sign-in-expired");
    await input.fill(token);
    await submit.click();
    await live();
    const again = await totals("signed in again");
    must(again.totals.gaps === 0, "a gap");
  },
);

await steps.check("SEC-01 a token that is taken out ends the session with a reason", async () => {
  await writeFile(values["tokens-file"], `viewer ${other} other\n`);
  const beganMs = performance.now();
  await asked(30_000);
  const tookMs = Math.round(performance.now() - beganMs);
  await input.fill(token);
  await submit.click();
  await page.getByRole("alert").filter({ hasText: "not valid" }).waitFor();
  await input.fill(other);
  await submit.click();
  await live();
  const shown = await totals("signed in with the other token");
  must(shown.totals.gaps === 0, "a gap");
  return { tookMs };
});

await steps.check("SEC-01 signing out ends the connection of the page at once", async () => {
  const signOut = page.locator('[data-testid="sign-out"]');
  await signOut.click();
  await asked(10_000);
  must((await cookies()).length === 0, "the cookie is still there");
  await signOut.waitFor({ state: "hidden" });
  await says("Your session has ended");
  // Put off, it is still to be had.
  await page.keyboard.press("Escape");
  await until(
    "dialog",
    () => dialog.isVisible(),
    (now) => !now,
  );
  await page.locator('[data-testid="sign-in"]').click();
  await asked(5_000);
});

must(trouble.cspViolations.length === 0, JSON.stringify(trouble.cspViolations));
must(trouble.pageErrors.length === 0, JSON.stringify(trouble.pageErrors));
await close();
process.stdout.write(`${JSON.stringify({ ok: steps.ok, checks: steps.results }, null, 2)}\n`);
process.exitCode = steps.ok ? 0 : 1;
