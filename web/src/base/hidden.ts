/** Characters that are not seen themselves and turn, break or hide what stands around them. */

/** Controls, bidirectional marks and overrides, what has no width but joins no emoji, halves of pairs. */
const HIDDEN =
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\p{Cs}]/gu;

/** A text for where others are read, such as a ticket: what is hidden in it is written out, as "\u202e". */
export function writtenOut(text: string): string {
  const code = (one: string): string => one.charCodeAt(0).toString(16).padStart(4, "0");
  return text.replace(HIDDEN, (one) => `\\u${code(one)}`);
}

/** A text for within a sentence that only speech or a tooltip says: without what is hidden in it. */
export function unturned(text: string): string {
  return text.replace(HIDDEN, "");
}
