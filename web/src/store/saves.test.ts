import { expect, it } from "vitest";
import type { EventsQuery, PageMessage, SavedMessage } from "../generated/decode_wasm.js";
import { Saves } from "./saves.js";

const LIST = { first: 0 } as EventsQuery;

/** Saves over a worker that has these pieces. */
function saving(pieces: readonly string[]) {
  const told: PageMessage[] = [];
  let next = 0;
  const saves = new Saves((message) => {
    told.push(message);
    if (message.type !== "save" && message.type !== "saveOn") return;
    const isHead = message.type === "saveOn" && message.metadata !== "";
    const text = isHead ? `[${message.metadata}]` : pieces[next];
    next += isHead ? 0 : 1;
    if (text === undefined) return;
    const counts = { over: next >= pieces.length, rows: next, frames: next, lost: 0, evicted: 0 };
    const answer: SavedMessage = {
      type: "saved",
      id: message.id,
      bytes: new TextEncoder().encode(text),
      ...counts,
    };
    queueMicrotask(() => {
      saves.answer({ type: "saved", id: message.id - 1 });
      saves.answer(answer);
    });
  });
  return { saves, told };
}

it("D-30 asks for piece after piece, and puts the beginning in front once all is counted", async () => {
  const { saves, told } = saving(["one,", "two,", "end"]);
  const sizes: number[] = [];
  const file = await saves.save(
    LIST,
    (counts) => `rows ${counts.rows}`,
    (bytes) => sizes.push(bytes),
  );
  const text = await new Blob([...(file?.parts ?? [])]).text();
  expect(text).toMatch(/^\[rows 3 +\]one,two,end$/u);
  expect(sizes).toEqual([4, 8, 11]);
  expect(told.map((message) => message.type)).toEqual(["save", "saveOn", "saveOn", "saveOn"]);
  // The room that was asked for is the room that is filled.
  const begun = told[0];
  const metadata = told.at(-1);
  if (begun?.type !== "save" || metadata?.type !== "saveOn") throw new Error("another order");
  expect(metadata.metadata).toHaveLength(begun.metadataBytes);
  expect(file?.counts.rows).toBe(3);
});

it("gives nothing where what was to be saved is gone", async () => {
  const { saves } = saving(["one,"]);
  const never = saving([]);
  const waiting = never.saves.save(
    LIST,
    () => "",
    () => undefined,
  );
  never.saves.forget();
  expect(await waiting).toBeNull();
  saves.forget();
  const file = await saves.save(
    LIST,
    () => "",
    () => undefined,
  );
  expect(file?.parts).toHaveLength(2);
});
