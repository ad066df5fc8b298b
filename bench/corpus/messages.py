"""The messages of the three corpora: each maker draws everything it needs from one random stream."""

import hashlib
import json

NODES = (
    "planner retriever rerank agent tools grader rewrite generate summarize router memory_write human_review"
).split()
MODELS = ["gpt-4o-mini-2024-07-18", "claude-3-5-sonnet-20241022", "llama-3.1-70b-instruct", "gpt-4o-2024-08-06"]
TOOLS = "web_search sql_query read_file vector_lookup http_get python_exec calendar_create".split()
GRAPHS = ("research_agent", "support_bot", "code_reviewer", "librarian")
REGIONS = ("us-east-1", "us-west-2", "eu-west-1")
PATCHED = ("/messages", "/documents", "/scratch", "/tool_results", "/plan/steps")
MEMBERS = ("content", "status", "score", "meta/updated_at", "role")
START_US = 1_767_225_600_000_000
THREADS = 64
STATE_BYTES_MIN = 256 * 1024
STATE_BYTES_MAX = 1024 * 1024 - 4096


class Maker:
    """Threads with their clocks and counters, and the messages they send."""

    def __init__(self, schema, random, prose):
        self.pb, self.random, self.prose = schema, random, prose
        self.now_us = START_US
        self.threads = [f"thread-{self._uuid_text()}" for _ in range(THREADS)]
        self.sequences = dict.fromkeys(self.threads, 0)
        self.graphs = {thread: random.choice(GRAPHS) for thread in self.threads}
        self.latest = {}

    def small(self, count):
        """Single messages of five kinds, as a busy topic mixes them."""
        kinds = [self.event, self.token_chunk, self.state_diff, self.tool_execution, self.metrics]
        for make in self.random.choices(kinds, weights=(30, 40, 12, 10, 8), k=count):
            yield make()

    def event(self):
        message = self.pb.DashStreamMessage()
        self._fill_event(message.event, None)
        return message

    def batch(self, events):
        random, message = self.random, self.pb.DashStreamMessage()
        batch = message.event_batch
        threads = random.sample(self.threads, random.choice((1, 1, 2, 4)))
        # A batch counts nothing itself: its own sequence stays 0.
        self._header(batch.header, self.pb.MESSAGE_TYPE_EVENT_BATCH, threads[0], sequenced=False)
        for _ in range(events):
            self._fill_event(batch.events.add(), random.choice(threads))
        return message

    def token_chunk(self):
        random, message = self.random, self.pb.DashStreamMessage()
        chunk = message.token_chunk
        self._header(chunk.header, self.pb.MESSAGE_TYPE_TOKEN_CHUNK)
        chunk.request_id = "req_" + random.randbytes(12).hex()
        words = random.choice((1, 1, 1, 2, 3, 5))
        chunk.text = " " + " ".join(self.prose.words(random, words))
        if random.random() < 0.5:
            chunk.token_ids.extend(random.randint(1, 120_000) for _ in range(words))
            chunk.logprobs.extend(-random.expovariate(1.2) for _ in range(words))
        chunk.chunk_index = random.randint(0, 900)
        chunk.model = random.choice(MODELS)
        if random.random() < 0.02:
            chunk.is_final = True
            chunk.finish_reason = self.pb.TokenChunk.FINISH_REASON_STOP
            chunk.stats.prompt_tokens = random.randint(100, 8000)
            chunk.stats.completion_tokens = random.randint(10, 1200)
            chunk.stats.total_tokens = chunk.stats.prompt_tokens + chunk.stats.completion_tokens
        return message

    def state_diff(self):
        random, message = self.random, self.pb.DashStreamMessage()
        diff = message.state_diff
        self._header(diff.header, self.pb.MESSAGE_TYPE_STATE_DIFF)
        diff.base_checkpoint_id = self._uuid()
        for _ in range(random.randint(3, 10)):
            self._operation(diff.operations.add())
        diff.state_hash = random.randbytes(32)
        return message

    def tool_execution(self):
        random, message = self.random, self.pb.DashStreamMessage()
        tool, stages = message.tool_execution, self.pb.ToolExecution
        self._header(tool.header, self.pb.MESSAGE_TYPE_TOOL_EXECUTION)
        tool.call_id = "call_" + random.randbytes(12).hex()
        tool.tool_name = random.choice(TOOLS)
        tool.stage = random.choice((1, 2, 3, 3, 3, 4))
        # 200 B to 4 KB, small ones more often.
        tool.arguments = self.prose.json_object(random, int(200 * 20 ** random.random()))
        if tool.stage == stages.EXECUTION_STAGE_COMPLETED:
            tool.result = self.prose.json_object(random, int(100 * 10 ** random.random()))
            tool.duration_us = random.randint(500, 9_000_000)
        if tool.stage == stages.EXECUTION_STAGE_FAILED:
            tool.error = "Timeout: " + self.prose.sentences(random, 60)
            tool.retry_count = random.randint(0, 3)
        return message

    def metrics(self):
        random, message = self.random, self.pb.DashStreamMessage()
        metrics, types = message.metrics, self.pb.MetricValue
        self._header(metrics.header, self.pb.MESSAGE_TYPE_METRICS)
        metrics.scope = random.choice(("graph", "node", "llm", "tool"))
        metrics.scope_id = random.choice(NODES)
        units = {"duration_us": "us", "tokens_prompt": "count", "tokens_completion": "count", "memory_bytes": "bytes"}
        for name, unit in units.items():
            value = metrics.metrics[name]
            value.int_value = random.randint(1, 5_000_000)
            value.unit, value.type = unit, types.METRIC_TYPE_GAUGE
        cost = metrics.metrics["cost_usd"]
        cost.float_value = random.random() * 0.1
        cost.unit, cost.type = "usd", types.METRIC_TYPE_COUNTER
        metrics.metrics["cache_hit"].bool_value = random.random() < 0.3
        metrics.tags["model"] = random.choice(MODELS)
        metrics.tags["region"] = random.choice(REGIONS)
        return message

    def checkpoint(self):
        random, message = self.random, self.pb.DashStreamMessage()
        checkpoint = message.checkpoint
        self._header(checkpoint.header, self.pb.MESSAGE_TYPE_CHECKPOINT)
        checkpoint.checkpoint_id = self._uuid()
        checkpoint.state = self._state(random.randint(STATE_BYTES_MIN, STATE_BYTES_MAX))
        checkpoint.state_type = "agent_state/json"
        checkpoint.checksum = hashlib.sha256(checkpoint.state).digest()
        checkpoint.metadata["node"] = random.choice(NODES)
        checkpoint.metadata["step"] = str(random.randint(1, 500))
        return message

    def _header(self, header, kind, thread=None, sequenced=True):
        thread = thread or self.random.choice(self.threads)
        self.now_us += self.random.randint(40, 4000)
        header.message_id = self._uuid()
        header.timestamp_us = self.now_us
        header.tenant_id = "acme-prod"
        header.thread_id = thread
        if sequenced:
            self.sequences[thread] += 1
            header.sequence = self.sequences[thread]
        header.type = kind
        if thread in self.latest and self.random.random() < 0.5:
            header.parent_id = self.latest[thread]
        self.latest[thread] = header.message_id
        header.schema_version = 1
        return thread

    def _fill_event(self, event, thread):
        random = self.random
        thread = self._header(event.header, self.pb.MESSAGE_TYPE_EVENT, thread)
        ends = random.random() < 0.5
        event.event_type = self.pb.EVENT_TYPE_NODE_END if ends else self.pb.EVENT_TYPE_NODE_START
        event.node_id = random.choice(NODES)
        said = event.attributes
        said["graph_name"].string_value = self.graphs[thread]
        said["node_type"].string_value = random.choice(("function", "llm", "tool", "subgraph"))
        said["step"].int_value = random.randint(1, 400)
        said["attempt"].int_value = random.choice((1, 1, 1, 2))
        said["run_id"].string_value = self._uuid_text()
        said["cached"].bool_value = random.random() < 0.2
        if ends:
            said["tokens_total"].int_value = random.randint(50, 9000)
            said["cost_usd"].float_value = round(random.random() * 0.05, 6)
            said["status"].string_value = random.choice(("ok", "ok", "ok", "retry"))
            event.duration_us = random.randint(200, 4_000_000)
        else:
            said["input_summary"].string_value = self.prose.sentences(random, random.randint(20, 60))
            said["temperature"].float_value = random.choice((0.0, 0.2, 0.7))
            if random.random() < 0.15:
                for tag in self.prose.words(random, 3):
                    said["tags"].array_value.values.add().string_value = tag
        if random.random() < 0.3:
            event.llm_request_id = "req_" + random.randbytes(12).hex()

    def _operation(self, operation):
        random, kinds = self.random, self.pb.DiffOperation
        operation.op = random.choice((0, 0, 2, 2, 2, 2, 1, 3, 4))
        base = random.choice(PATCHED)
        operation.path = f"{base}/{random.randint(0, 60)}/{random.choice(MEMBERS)}"
        if operation.op in (kinds.OP_TYPE_MOVE, kinds.OP_TYPE_COPY):
            setattr(operation, "from", f"{base}/{random.randint(0, 60)}")
        elif operation.op != kinds.OP_TYPE_REMOVE:
            choice = random.random()
            if choice < 0.5:
                text = self.prose.sentences(random, random.randint(8, 160))
                operation.value = json.dumps(text).encode()
            elif choice < 0.8:
                operation.value = json.dumps(round(random.random() * 100, 3)).encode()
            else:
                operation.value = self.prose.json_object(random, random.randint(40, 200))

    def _state(self, length):
        """An agent's state as JSON: messages and retrieved documents, until there is enough of them."""
        random = self.random
        messages, documents, size = [], [], 0
        while size < length:
            if random.random() < 0.6:
                messages.append(self._chat_message())
                size += len(json.dumps(messages[-1])) + 2
            else:
                documents.append(self._document())
                size += len(json.dumps(documents[-1])) + 2
        state = {"thread": random.choice(self.threads), "step": random.randint(1, 500)}
        state |= {"messages": messages, "documents": documents}
        steps = [self._step(number) for number in range(8)]
        return json.dumps(state | {"plan": {"steps": steps}}).encode()

    def _chat_message(self):
        random = self.random
        return {
            "id": self._uuid_text(),
            "role": random.choice(("user", "assistant", "tool", "system")),
            "content": self.prose.sentences(random, random.randint(80, 3000)),
            "metadata": {
                "model": random.choice(MODELS),
                "tokens": random.randint(5, 900),
                "latency_ms": round(random.random() * 4000, 2),
            },
        }

    def _document(self):
        random = self.random
        return {
            "doc_id": self._uuid_text(),
            "source": f"s3://corpus/{self.prose.words(random, 1)[0]}/{random.randint(0, 99999)}.md",
            "score": random.random(),
            "chunk": self.prose.sentences(random, random.randint(200, 1500)),
            "embedding_preview": [round(random.gauss(0, 0.4), 6) for _ in range(16)],
        }

    def _step(self, number):
        random = self.random
        return {"n": number, "text": self.prose.sentences(random, 60), "done": random.random() < 0.5}

    def _uuid(self):
        octets = bytearray(self.random.randbytes(16))
        octets[6] = octets[6] & 0x0F | 0x40
        octets[8] = octets[8] & 0x3F | 0x80
        return bytes(octets)

    def _uuid_text(self):
        digits = self._uuid().hex()
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
