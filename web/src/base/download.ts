/** Hands bytes to the browser as a file. */

/** Time for the browser to begin reading; afterwards the bytes are let go. */
const KEPT_MS = 60_000;

/** A name without what file systems or shells take for something else. */
export function safeName(name: string): string {
  const safe = name.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[-.]+|[-.]+$/gu, "");
  return safe === "" ? "download" : Array.from(safe).slice(0, 100).join("");
}

export function download(name: string, parts: BlobPart[], type: string): void {
  const address = URL.createObjectURL(new Blob(parts, { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = safeName(name);
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(address);
  }, KEPT_MS);
}
