/** A run in a few lines of Markdown, for an incident ticket. */
import { msOf } from "../../base/duration.js";
import { count, dollars, NONE } from "../../base/format.js";
import { writtenOut } from "../../base/hidden.js";
import { lossText, runStatus } from "../../base/run_words.js";
import { KIND_WORDS, lineName, offset, span, whichText, type RunLine } from "./lines.js";
import type { RunFacts } from "./state.svelte.js";

interface Around {
  readonly instant: (ms: number) => string;
  readonly link: string;
  readonly topic: string;
  readonly selected: RunLine | null;
}

/** A value of the stream as inline code: nothing in it can end it or turn what stands behind it. */
export function code(text: string): string {
  const line = writtenOut(text.replace(/[\t\n\r\u2028\u2029]+/gu, " ").trim());
  if (line === "") return NONE;
  const longest = Math.max(0, ...Array.from(line.matchAll(/`+/gu), ([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  const pad = line.startsWith("`") || line.endsWith("`") ? " " : "";
  return `${fence}${pad}${line}${pad}${fence}`;
}

export function runMarkdown(facts: RunFacts, around: Around): string {
  const { head, run } = facts;
  const endUs = head.endUs < 0 ? head.lastUs : head.endUs;
  const { words } = runStatus(head.status);
  const lines = [
    `### Run ${words}: ${code(head.graph === "" ? head.thread : head.graph)}`,
    "",
    `- Thread: ${code(head.thread)}, run ${head.invocation}`,
    `- Status: **${words}**. ${head.rule} (evidence ${code(head.evidence)})`,
    `- Node: ${code(head.node)}`,
    ...(head.error === "" ? [] : [`- First error: ${code(head.error)}`]),
    `- Start: ${around.instant(msOf(head.startUs))} (producer's clock)`,
    `- Duration: ${span(endUs - head.startUs)}${head.endUs < 0 ? ", no end seen" : ""}`,
    `- Tokens: ${head.tokens < 0 ? "not reported" : count(head.tokens)}`,
    `- Cost: ${head.cost < 0 ? "not reported" : dollars(head.cost)}`,
    `- Nodes ${count(head.attempts)}, LLM calls ${count(head.modelCalls)}, tool calls ` +
      `${count(head.toolCalls)} (${count(head.failedTools)} failed), errors ${count(head.errors)}`,
    `- Messages lost: ${lossText(head.integrity, head.gaps, head.missing) || "none known"}`,
    `- Topic: ${code(around.topic)}, first event ${code(run)}`,
  ];
  const { selected } = around;
  if (selected !== null) {
    const what = `${KIND_WORDS[selected.kind]} ${code(`${lineName(selected)}${whichText(selected)}`)}`;
    const error = selected.error === "" ? "" : `: ${code(selected.error)}`;
    const from = offset(Math.round(selected.startUs - head.startUs));
    lines.push(`- Looked at: ${what}, ${from} after the start${error}`);
  }
  lines.push("", `<${around.link}>`, "");
  return lines.join("\n");
}
