// Starts the browser the scripts share and gathers what must never happen on the page.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { CHROMIUM_FLAGS } from "./flags.mjs";

const EXECUTABLE = process.env["DASHSTREAM_CHROMIUM"] ?? "/usr/bin/chromium";
/** Most entries kept of each kind of trouble; a broken page can produce them without end. */
const TROUBLE_COUNT_MAX = 100;

/**
 * Opens a page in a browser with a profile of its own.
 * @param {{ dark?: boolean, width?: number, height?: number, flags?: string[] }} [options]
 */
export async function openBrowser(options = {}) {
  const profile = await mkdtemp(join(tmpdir(), "dashstream-page-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: EXECUTABLE,
    headless: true,
    args: [...CHROMIUM_FLAGS, ...(options.flags ?? [])],
    viewport: { width: options.width ?? 1440, height: options.height ?? 900 },
    colorScheme: options.dark === true ? "dark" : "light",
    reducedMotion: "no-preference",
  });
  const page = context.pages()[0] ?? (await context.newPage());
  // What a page that is being closed leaves undone is not its trouble.
  let ended = false;
  const trouble = await watch(page, () => ended);
  const close = async () => {
    ended = true;
    await context.close();
    await rm(profile, { recursive: true, force: true });
  };
  return { page, trouble, close };
}

/**
 * @param {import("playwright-core").Page} page
 * @param {() => boolean} isOver
 */
async function watch(page, isOver) {
  /** @type {{ consoleErrors: string[], consoleWarnings: string[], pageErrors: string[],
   *           cspViolations: string[], failedRequests: string[] }} */
  const trouble = {
    consoleErrors: [],
    consoleWarnings: [],
    pageErrors: [],
    cspViolations: [],
    failedRequests: [],
  };
  /** @param {string[]} list @param {string} text */
  const note = (list, text) => {
    if (!isOver() && list.length < TROUBLE_COUNT_MAX) list.push(text);
  };
  page.on("console", (message) => {
    const text = `${message.text()} (${message.location().url})`;
    if (message.type() === "error") note(trouble.consoleErrors, text);
    if (message.type() === "warning") note(trouble.consoleWarnings, text);
  });
  page.on("pageerror", (error) => note(trouble.pageErrors, String(error)));
  // What a document that is being left has asked for is broken off, which is no trouble of its own. It goes
  // on asking until the next one is there.
  let documents = 0;
  let isLeaving = false;
  /** @type {WeakMap<import("playwright-core").Request, number>} */
  const askedBy = new WeakMap();
  page.on("request", (request) => {
    if (request.isNavigationRequest()) {
      documents += 1;
      isLeaving = true;
      askedBy.set(request, documents);
    } else {
      askedBy.set(request, isLeaving ? documents - 1 : documents);
    }
  });
  page.on("framenavigated", (frame) => {
    if (frame === page.mainFrame()) isLeaving = false;
  });
  page.on("requestfailed", (request) => {
    if (request.isNavigationRequest()) isLeaving = false;
    const wasLeft = (askedBy.get(request) ?? documents) < documents;
    if (wasLeft && request.failure()?.errorText === "net::ERR_ABORTED") return;
    note(trouble.failedRequests, `${request.url()}: ${request.failure()?.errorText ?? ""}`);
  });
  await page.exposeBinding("noteCspViolation", (_source, text) =>
    note(trouble.cspViolations, String(text)),
  );
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      // @ts-expect-error the binding is added at run time
      window.noteCspViolation(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
    });
  });
  return trouble;
}

/** @param {Awaited<ReturnType<typeof watch>>} trouble */
export function isClean(trouble) {
  return Object.values(trouble).every((list) => list.length === 0);
}

/**
 * What the page says of itself, read from its stable hooks.
 * @param {import("playwright-core").Page} page
 */
export async function readPage(page) {
  return page.evaluate(() => {
    /** @param {string} id */
    const find = (id) => document.querySelector(`[data-testid="${id}"]`);
    /** @param {string} id */
    const value = (id) => Number(find(id)?.getAttribute("data-value") ?? "0");
    const partitions = Array.from(
      document.querySelectorAll('[data-testid="partition-row"]'),
      (row) => {
        /** @param {string} name */
        const text = (name) => row.getAttribute(`data-${name}`) ?? "";
        return {
          partition: Number(text("partition")),
          position: text("position"),
          head: text("head"),
          records: Number(text("records")),
          rejects: Number(text("rejects")),
          gaps: Number(text("gaps")),
          digest: text("digest"),
        };
      },
    );
    return {
      phase: find("phase")?.getAttribute("data-phase") ?? null,
      notice: find("notice")?.textContent?.trim() ?? "",
      failure: find("failure")?.textContent?.trim() ?? "",
      totals: {
        records: value("total-records"),
        rejects: value("total-rejects"),
        gaps: value("total-gaps"),
      },
      partitions,
    };
  });
}
