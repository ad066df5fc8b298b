// A run model as a page without this project's module would have it: plain objects, one per run, attempt, call and
// row. It knows what the runs of `bench/src/page/runs.rs` need, which is less than run-model does: no routing between
// runs of one thread, no late messages, no gaps. What it leaves out is to its advantage.

const EVENT = Object.freeze({
  GRAPH_START: 1,
  GRAPH_END: 2,
  NODE_START: 10,
  NODE_END: 11,
  NODE_ERROR: 12,
  EDGE: 20,
});
/** As many rows and message ids as the module holds. */
const ROWS_MAX = 200_000;
const IDS_MAX = 32_768;
const SHOWN = 60;

export class Model {
  runs = [];
  threads = new Map();
  rows = [];
  #first = 0;
  #ids = new Set();
  #olderIds = new Set();
  totals = { records: 0, rows: 0, bytes: 0 };

  /** Takes one decoded message. */
  take(message, place, payload) {
    const kind = message.message;
    const member = message[kind];
    this.totals.records += 1;
    this.totals.bytes += payload.length;
    const { header } = member;
    const id = String.fromCharCode(...header.messageId);
    const isRepeat = this.#knows(id);
    this.#row(kind, member, header, place, payload, isRepeat);
    if (isRepeat) return;
    const thread = this.#thread(header.threadId);
    thread.heardMs = place.timestampMs;
    thread.messages += 1;
    const timeUs = header.timestampUs.toNumber();
    if (kind === "event") this.#event(thread, member, timeUs, place);
    else if (kind !== "stateDiff") remark(thread.run, kind, member, timeUs);
    if (thread.run === null) return;
    thread.run.events += 1;
    thread.run.lastUs = Math.max(thread.run.lastUs, timeUs);
  }

  /** The lines of a screen: the newest runs, how many there are of each status, the newest rows. */
  answer() {
    const counts = {};
    for (const run of this.runs) counts[run.status] = (counts[run.status] ?? 0) + 1;
    const runs = this.runs.slice(-SHOWN).reverse().map(line);
    return { counts, runs, rows: this.rows.slice(-SHOWN), totals: { ...this.totals } };
  }

  /** A line for each run, which every model of the same records has to give. */
  digest() {
    return this.runs.map((run) => {
      const { id, status, tokens, durationUs } = line(run);
      return [id, status, tokens, durationUs].join(" ");
    });
  }

  #knows(id) {
    if (this.#ids.has(id) || this.#olderIds.has(id)) return true;
    this.#ids.add(id);
    if (this.#ids.size >= IDS_MAX) [this.#olderIds, this.#ids] = [this.#ids, new Set()];
    return false;
  }

  #row(kind, member, header, place, payload, isRepeat) {
    this.totals.rows += 1;
    const eventType = member.eventType ?? 0;
    this.rows.push({
      kind,
      eventType,
      ...place,
      sequence: header.sequence.toNumber(),
      thread: header.threadId,
      node: member.nodeId ?? "",
      summary: member.text ?? member.toolName ?? "",
      failure: eventType === EVENT.NODE_ERROR,
      isRepeat,
      payload,
    });
    if (this.rows.length - this.#first <= ROWS_MAX) return;
    this.rows[this.#first] = undefined;
    this.#first += 1;
    if (this.#first < ROWS_MAX / 4) return;
    this.rows = this.rows.slice(this.#first);
    this.#first = 0;
  }

  #thread(name) {
    let thread = this.threads.get(name);
    if (thread === undefined) {
      thread = { name, runs: 0, run: null, heardMs: 0, messages: 0 };
      this.threads.set(name, thread);
    }
    return thread;
  }

  #event(thread, event, timeUs, place) {
    if (event.eventType === EVENT.GRAPH_START) {
      thread.runs += 1;
      thread.run = startedRun(thread, event, timeUs, place);
      this.runs.push(thread.run);
      return;
    }
    const { run } = thread;
    if (run === null) return;
    const open = run.attempts.at(-1);
    switch (event.eventType) {
      case EVENT.NODE_START:
        run.attempts.push(startedAttempt(event.nodeId, timeUs));
        break;
      case EVENT.NODE_END:
        Object.assign(open, { endUs: timeUs, durationUs: event.durationUs.toNumber() });
        break;
      case EVENT.NODE_ERROR:
        Object.assign(open, { endUs: timeUs, failed: true });
        Object.assign(run, { status: "failed", endUs: timeUs, error: textOf(event, "error") });
        break;
      case EVENT.GRAPH_END:
        run.endUs = timeUs;
        run.startUs = Math.min(run.startUs, timeUs - event.durationUs.toNumber());
        run.status = ended(run);
        break;
    }
    Object.assign(run, { lastKind: event.eventType, lastNode: event.nodeId });
  }
}

function startedRun(thread, event, startUs, { partition, offset }) {
  const schema = JSON.parse(textOf(event, "graph_schema_json"));
  return {
    id: `${partition}:${offset}:0`,
    thread: thread.name,
    invocation: thread.runs,
    graph: textOf(event, "graph_name"),
    leadsToEnd: new Set(schema.edges.filter(({ to }) => to === "__end__").map(({ from }) => from)),
    status: "no_end_seen",
    startUs,
    endUs: -1,
    lastUs: startUs,
    attempts: [],
    events: 0,
    error: "",
    lastKind: EVENT.GRAPH_START,
    lastNode: "",
  };
}

function startedAttempt(node, startUs) {
  return {
    node,
    startUs,
    endUs: -1,
    durationUs: 0,
    failed: false,
    calls: new Map(),
    usage: { tokenStats: null, metrics: null },
  };
}

/** What was said inside a node belongs to the attempt that encloses its time. */
function remark(run, kind, member, timeUs) {
  const attempt = run?.attempts.findLast(({ startUs }) => startUs <= timeUs);
  if (attempt === undefined) return;
  if (kind === "metrics") {
    for (const [name, { intValue }] of Object.entries(member.metrics)) {
      if (name === "tokens_prompt") attempt.usage.metrics = add(attempt.usage.metrics, intValue.toNumber());
    }
    return;
  }
  const key = member.requestId ?? member.callId;
  let call = attempt.calls.get(key);
  if (call === undefined) {
    call = { kind, name: member.toolName ?? "", firstUs: timeUs, lastUs: timeUs, messages: 0, stage: 0 };
    attempt.calls.set(key, call);
  }
  call.lastUs = timeUs;
  call.messages += 1;
  call.stage = member.stage ?? 0;
  if (member.stats == null) return;
  const { promptTokens, completionTokens } = member.stats;
  attempt.usage.tokenStats = add(attempt.usage.tokenStats, promptTokens + completionTokens);
}

/** The end of a run after which nothing else should follow, or one that waits. */
function ended({ lastKind, lastNode, leadsToEnd }) {
  if (lastKind === EVENT.NODE_END || lastKind === EVENT.GRAPH_START) return "waiting";
  return leadsToEnd.has(lastNode) ? "completed" : "waiting";
}

function line(run) {
  let tokens = null;
  for (const { usage } of run.attempts) {
    const counted = usage.tokenStats ?? usage.metrics;
    if (counted !== null) tokens = add(tokens, counted);
  }
  const { id, thread, invocation, graph, status, startUs, endUs, events, error } = run;
  const durationUs = endUs < 0 ? -1 : endUs - startUs;
  const attempts = run.attempts.length;
  return {
    id,
    thread,
    invocation,
    graph,
    status,
    startUs,
    durationUs,
    tokens: tokens ?? -1,
    events,
    attempts,
    error,
  };
}

function add(sum, number) {
  return (sum ?? 0) + number;
}

function textOf(event, key) {
  return event.attributes[key]?.stringValue ?? "";
}
