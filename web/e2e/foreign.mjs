// Finds texts from outside that have no box of their own on the page: such a text could turn, move or
// cover what stands beside it, or be laid out beyond its box.
import { atRest, must, until } from "./steps.mjs";

/** Markup, an override behind an isolate that is never closed, what has no width, and a NUL. */
export const HOSTILE = "<img src=x onerror=alert(1)>\u202e\u2066abc`\u200b\0end";
/** What every such text on the page has in it, however it was cut. */
const MARK = "onerror=alert(1)";

/**
 * Looks at the page as it stands: each text from outside is alone in its box and within it, no tooltip
 * or label mixes it with words of the page, nothing became an element, and the page is not too wide.
 * @param {import("playwright-core").Page} page
 * @param {number} least so many of them are on the page
 */
export async function foreignTexts(page, least = 1) {
  await atRest(page);
  const { texts, strays, wide, made } = await until(
    "texts from outside",
    () => page.evaluate(looked, { mark: MARK, hostile: HOSTILE }),
    (now) => now.texts >= least,
  );
  must(strays.length === 0, `${strays.length} stray: ${JSON.stringify(strays.slice(0, 5))}`);
  must(made === 0, `${made} elements were made of texts`);
  must(wide <= 0, `the page is ${wide} pixels too wide`);
  return texts;
}

/** @param {{ mark: string, hostile: string }} wanted */
function looked({ mark, hostile }) {
  /** @type {{ why: string, at: string, text: string }[]} */
  const strays = [];
  let texts = 0;
  /** @param {Element} element */
  const place = (element) =>
    `${element.closest("[id]")?.id ?? ""} ${element.tagName}.${element.getAttribute("class") ?? ""}`;
  const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (nodes.nextNode()) {
    const node = nodes.currentNode;
    const said = node.nodeValue ?? "";
    if (!said.includes(mark)) continue;
    texts += 1;
    let box = node.parentElement;
    while (box !== null && /^(inline|contents)$/.test(getComputedStyle(box).display)) {
      box = box.parentElement;
    }
    if (box === null) continue;
    const note = (/** @type {string} */ why) => {
      strays.push({ why, at: place(box), text: said.slice(0, 120) });
    };
    if ((box.textContent ?? "").trim() !== said.trim()) note("not alone in its box");
    // JSON has its quotes, and a long line may be cut anywhere.
    const isLong = said.split(mark).length > 2;
    const turns = /[\u202a-\u202e\u2066-\u2069]/u.test(said);
    if (turns && !isLong && !/end["}]*$/u.test(said.trim())) note("words behind it");
    const cell = box.parentElement?.closest('[role="gridcell"]');
    const end = cell?.getBoundingClientRect().right ?? Infinity;
    if (box.getBoundingClientRect().right > end + 1) note("left out, as it does not fit its cell");
    if (getComputedStyle(box).overflowX !== "visible") continue;
    const drawn = document.createRange();
    drawn.selectNodeContents(node);
    const [inner, outer] = [drawn.getBoundingClientRect(), box.getBoundingClientRect()];
    if (inner.width > 0 && (inner.left < outer.left - 1 || inner.right > outer.right + 1)) {
      note("laid out beyond its box");
    }
  }
  for (const element of document.querySelectorAll("*")) {
    for (const name of ["title", "aria-label", "aria-valuetext", "alt", "placeholder"]) {
      const said = element.getAttribute(name) ?? "";
      const isMixed = said.includes(mark) && said.trim() !== hostile.trim();
      if (isMixed && /[\u202a-\u202e\u2066-\u2069]/u.test(said)) {
        strays.push({ why: `${name} turns words of the page`, at: place(element), text: said });
      }
    }
  }
  return {
    texts,
    strays,
    wide: document.documentElement.scrollWidth - innerWidth,
    made: document.querySelectorAll('img[src="x"], [onerror]').length,
  };
}
