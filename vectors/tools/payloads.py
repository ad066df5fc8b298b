"""The vectors of payloads.tsv: one call of `ok` or `bad` each, grouped by what they are about.

Verdicts are stated here by the format's rules and checked against the official runtime and libzstd
wherever those have an opinion.
"""

import struct

import frames
import schema_cases
import zstandard
from google.protobuf.message import DecodeError

MIB_10 = 10 * 1024 * 1024
NESTING_MAX = 100
EVENTS_MAX = 131_072
ZSTD_MAGIC = bytes.fromhex("28b52ffd")
# What libzstd takes: for a payload it is no frame where one must be, for a block it is not one.
STRICTER = {"zstd-nothing", "zstd-skippable-only", "zstd-empty-compressed-block"}
ID = bytes(range(16))
TIME_US = 1_700_000_000_000_000


class Vectors:
    def __init__(self, schema, canonical):
        self.pb = schema
        self.canonical = canonical
        self.rows = []
        self.names = set()
        self.texts = {}

    def add(self, name, pieces, strict, compatible, text=""):
        assert name not in self.names, name
        self.names.add(name)
        self.rows.append("\t".join([name, spell(pieces), strict, compatible, text]))

    def ok(self, name, body, pieces=None, legacy=False, again=False):
        """Accepted: `body` is the protobuf inside, the payload is it framed unless given.

        `again`: a vector before has the same body, so that its text need not be worked out again.
        """
        if not again or body not in self.texts:
            self.texts[body] = self.canonical(self.pb, body)
        text = self.texts[body]
        pieces = [b"\x00", body] if pieces is None else pieces
        payload = joined(pieces)
        if payload[:1] == b"\x01" or payload[:4] == ZSTD_MAGIC:
            assert libzstd(payload) == body, f"{name}: libzstd reads something else"
        self.add(name, pieces, "bad_frame" if legacy else "ok", "ok", text)

    def bad(self, name, pieces, strict, compatible=None):
        """Refused; damaged frames by libzstd too."""
        if strict == "decompress":
            assert (libzstd(joined(pieces)) is None) == (name not in STRICTER), f"{name}: libzstd differs"
        self.add(name, pieces, strict, compatible or strict)

    def bad_body(self, name, body, code, official=True):
        """A framed body that must be refused, also by the official runtime unless said otherwise."""
        try:
            self.pb.DashStreamMessage.FromString(body)
            assert not official, f"{name}: the official runtime accepts it"
        except DecodeError:
            pass
        self.bad(name, [b"\x00", body], code)

    def header(self, kind="", **fields):
        fields = {"message_id": ID, "timestamp_us": TIME_US, "tenant_id": "default",
                  "thread_id": "session-123", "schema_version": 1, "sequence": 1, **fields}
        number = self.pb.MessageType.Value(f"MESSAGE_TYPE_{kind}") if kind else 0
        return self.pb.Header(type=number, **fields)

    def message(self, **member):
        return self.pb.DashStreamMessage(**member).SerializeToString(deterministic=True)


def libzstd(payload):
    """What all frames of a payload hold, or nothing if libzstd refuses one or misses its end."""
    rest, out = payload[payload[:1] == b"\x01":], b""
    while rest:
        frame = zstandard.ZstdDecompressor().decompressobj()
        try:
            out += frame.decompress(rest)
        except zstandard.ZstdError:
            return None
        if not frame.eof:
            return None
        rest = frame.unused_data
    return out


def spell(pieces):
    """Pieces are bytes, or (bytes, times)."""
    words = []
    for piece in pieces:
        raw, times = piece if isinstance(piece, tuple) else (piece, 1)
        if raw:
            words.append(raw.hex() if times == 1 else f"{raw.hex()}*{times}")
    return " ".join(words) or "-"


def joined(pieces):
    return b"".join(p[0] * p[1] if isinstance(p, tuple) else p for p in pieces)


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def of_size(size):
    """An event of exactly this size whose text is short: its duration, again and again."""
    inner = next(n for n in range(size - 2, 0, -1) if 1 + len(varint(n)) + n == size)
    odd = b"\x28\x81\x00" if inner % 2 else b""
    return [b"\x0a" + varint(inner) + odd, (b"\x28\x01", (inner - len(odd)) // 2)]


def zstd(raw, level=3, **options):
    return zstandard.ZstdCompressor(level=level, **options).compress(raw)


def kinds(v):
    pb = v.pb
    v.ok("event-node-start", v.message(event=pb.Event(
        header=v.header("EVENT"), event_type=10, node_id="analyze")))
    inner = [pb.Event(header=v.header("EVENT", sequence=7), event_type=11),
             pb.Event(header=v.header("EVENT", sequence=8), event_type=10)]
    v.ok("event-batch", v.message(event_batch=pb.EventBatch(
        header=v.header("EVENT_BATCH", sequence=0), events=inner)))
    operations = [
        pb.DiffOperation(op=0, path="/a", value=b"1"), pb.DiffOperation(op=1, path="/b"),
        pb.DiffOperation(op=2, path="/c~1d", value=b'"x"'), pb.DiffOperation(op=3, path="/e", **{"from": "/f"}),
        pb.DiffOperation(op=4, path="/g", **{"from": "/h"}),
        pb.DiffOperation(op=5, path="", value=b"null", encoding=3), pb.DiffOperation(op=77, encoding=-1)]
    v.ok("state-diff", v.message(state_diff=pb.StateDiff(
        header=v.header("STATE_DIFF"), base_checkpoint_id=ID, operations=operations, state_hash=b"\xff" * 32)))
    v.ok("state-diff-full", v.message(state_diff=pb.StateDiff(full_state=b'{"a":1}')))
    v.ok("token-chunk", v.message(token_chunk=pb.TokenChunk(
        header=v.header("TOKEN_CHUNK"), request_id="r", text="Grüße \U0001f600\n", token_ids=[0, 1, 2**32 - 1],
        logprobs=[0.0, -0.1, -1e-10, 3.4028234663852886e38], chunk_index=3, is_final=True, finish_reason=2,
        model="m", stats=pb.TokenStats(prompt_tokens=1, completion_tokens=2, total_tokens=3))))
    v.ok("tool-execution", v.message(tool_execution=pb.ToolExecution(
        header=v.header("TOOL_EXECUTION"), call_id="c", tool_name="search", stage=4, arguments=b"{}",
        result=b"[]", error="failed", error_details=pb.Error(error_code="TIMEOUT", severity=4),
        duration_us=5, retry_count=2)))
    v.ok("checkpoint", v.message(checkpoint=pb.Checkpoint(
        header=v.header("CHECKPOINT"), checkpoint_id=ID, state=zstd(b'{"a":1}'), state_type="serde_json::Value",
        checksum=b"\x01" * 32, storage_uri="s3://b/k", compression_info=pb.CompressionInfo(
            type=1, compressed_size=2**64 - 1, uncompressed_size=7, compression_ratio=0.4375),
        metadata={"b": "2", "a": "1", "": ""})))
    values = {"i": pb.MetricValue(int_value=-2**63, unit="us", type=1), "f": pb.MetricValue(float_value=1e300),
              "s": pb.MetricValue(string_value=""), "t": pb.MetricValue(bool_value=False),
              "b": pb.MetricValue(bytes_value=b"\x00"), "unset": pb.MetricValue(unit="count")}
    v.ok("metrics", v.message(metrics=pb.Metrics(
        header=v.header("METRICS"), scope="node", scope_id="plan", metrics=values, tags={"k": "v"})))
    v.ok("error", v.message(error=pb.Error(
        header=v.header("ERROR"), error_code="RATE_LIMIT", message="m", stack_trace="a\n\tb", severity=5,
        context={"k": "v"}, exception_type="E", suggestions=["", "wait"])))
    node = pb.NodeExecutionRecord(
        node="n", duration_ms=2**64 - 1, prompt_tokens=1, completion_tokens=2, total_tokens=3, succeeded=True,
        started_at="2026-01-01T00:00:00Z", ended_at="", input=b"{}", output=b"\xff", metadata={"k": "v"})
    failure = pb.ErrorRecord(node="n", message="m", error_code="E", timestamp="t", recovered=True)
    v.ok("execution-trace", v.message(execution_trace=pb.ExecutionTrace(
        header=v.header("EXECUTION_TRACE"), thread_id="t", execution_id="e", nodes_executed=[node],
        total_duration_ms=1, total_tokens=2, errors=[failure], completed=True, started_at="s", ended_at="e",
        final_state=b"{}", metadata={"k": b"\x00\xff"})))


def values(v):
    pb = v.pb
    value = pb.AttributeValue
    attributes = {
        "string": value(string_value="\x00\"\\/\x7f\u2028ß"), "int": value(int_value=2**63 - 1),
        "float": value(float_value=0.1), "bool": value(bool_value=False), "bytes": value(bytes_value=b"\xfb\xff"),
        "array": value(array_value=pb.AttributeArray(values=[value(int_value=0), value(), value(float_value=-0.0)])),
        "map": value(map_value=pb.AttributeMap(values={"\uffff": value(), "\U00010000": value(bool_value=True)})),
        "": value(), "@unknown": value(string_value="")}
    v.ok("attribute-values", v.message(event=pb.Event(attributes=attributes)))
    for name, number in [
            ("one", 1.0), ("nan", float("nan")), ("infinity", float("inf")), ("minus-infinity", float("-inf")),
            ("tiny", 5e-324), ("huge", 1.7976931348623157e308), ("1e20", 1e20), ("1e21", 1e21), ("1e-6", 1e-6),
            ("1e-7", 1e-7), ("integer-over-2-53", 9007199254740994.0), ("minus-half", -0.5)]:
        v.ok(f"double-{name}", v.message(event=pb.Event(attributes={"x": value(float_value=number)})))
    for name, sequence, duration in [("max", 2**64 - 1, 2**63 - 1), ("min", 0, -2**63), ("minus-one", 1, -1)]:
        v.ok(f"integers-{name}", v.message(event=pb.Event(
            header=v.header(sequence=sequence, timestamp_us=duration), duration_us=duration)))
    v.ok("float-negative-zero", v.message(checkpoint=pb.Checkpoint(
        compression_info=pb.CompressionInfo(compression_ratio=-0.0))))
    for version in [0, 1, 2, 999, 2**32 - 1]:
        v.ok(f"schema-version-{version}", v.message(event=pb.Event(header=v.header(schema_version=version))))
    v.ok("header-absent", v.message(event=pb.Event(event_type=1)))
    v.ok("header-empty", v.message(event=pb.Event(header=pb.Header())))


def merging(v):
    v.ok("nothing-set", b"")
    v.ok("empty-member", b"\x0a\x00")
    v.ok("scalar-twice", bytes.fromhex("0a041001100b"))
    v.ok("scalar-back-to-default", bytes.fromhex("0a0410011000"))
    v.ok("message-twice", bytes.fromhex("0a02100b0a031a0161"))
    v.ok("header-twice", bytes.fromhex("0a0a0a02280a0a0422027474"))
    v.ok("oneof-twice", bytes.fromhex("0a0210011200"))
    v.ok("oneof-and-back", bytes.fromhex("0a02100112000a00"))
    v.ok("packed-and-single", bytes.fromhex("1a06220201022003"))
    v.ok("packed-empty", bytes.fromhex("1a022200"))
    v.ok("map-key-twice", bytes.fromhex("320e2a050a001201612a050a00120162"))
    v.ok("map-entry-empty", bytes.fromhex("0a022200"))
    v.ok("map-entry-value-first", bytes.fromhex("32082a06120162") + b"\x0a\x01\x61")
    v.ok("padded-varint", bytes.fromhex("0a04108a8000"))
    v.ok("enum-unknown", bytes.fromhex("0a0310e707"))
    v.ok("enum-negative", bytes.fromhex("0a0b10ffffffffffffffffff01"))
    v.ok("unknown-all-layouts", bytes.fromhex("78ff017901020304050607087d010203047a0161"))
    v.ok("unknown-group", bytes.fromhex("7b08017c"))
    v.ok("unknown-group-nested", bytes.fromhex("7b0b120161" + "0c7c"))
    v.ok("unknown-oneof-member", bytes.fromhex("5203" + "0a0161"))
    v.ok("unknown-beside-event", bytes.fromhex("0a07100a9a060261625203" + "0a0161"))
    v.ok("unknown-largest-number", bytes.fromhex("f8ffffff0f01"))


def damage(v):
    v.bad("empty", [b""], "empty")
    body = v.message(event=v.pb.Event(header=v.header("EVENT"), event_type=10, node_id="analyze"))
    assert len(body) == 70
    for cut in range(1, len(body)):
        v.bad_body(f"cut-at-{cut:02}", body[:cut], "protobuf")
    v.bad("frame-byte-02", [b"\x02", body], "bad_frame", "protobuf")
    v.bad("frame-byte-ff", [b"\xff", body], "bad_frame", "protobuf")
    v.bad("json-object", [b'{"a":1}'], "bad_frame", "protobuf")
    v.bad("json-array", [b"[1,2]"], "bad_frame", "protobuf")
    v.bad("json-broken", [b'{"}'], "bad_frame", "protobuf")
    v.bad("json-framed", [b'\x00{"}'], "protobuf")
    v.bad_body("framed-twice", b"\x00" + body, "protobuf")
    v.bad_body("field-number-zero", b"\x02\x00", "protobuf")
    v.bad_body("wire-type-6", b"\x0e\x00", "protobuf")
    v.bad_body("wire-type-7", b"\x0f\x00", "protobuf")
    v.bad_body("group-end-alone", b"\x7c", "protobuf")
    v.bad_body("group-without-end", b"\x7b\x08\x01", "protobuf")
    v.bad_body("group-other-end", b"\x7b\x84\x01", "protobuf")
    v.bad_body("varint-eleven-bytes", b"\x78" + b"\x80" * 10 + b"\x00", "protobuf")
    v.bad_body("varint-over-64-bits", b"\x78" + b"\xff" * 9 + b"\x02", "protobuf", official=False)
    v.bad_body("length-over-end", b"\x0a\x05\x10", "protobuf")
    v.bad_body("length-huge", b"\x0a" + b"\xff" * 9 + b"\x01", "protobuf")
    v.bad_body("packed-cut", bytes.fromhex("1a03220180"), "protobuf")
    v.bad_body("layout-of-known-field", b"\x08\x01", "protobuf", official=False)
    v.bad_body("damage-in-replaced-member", bytes.fromhex("0a01101200"), "protobuf")
    for name, text in [("invalid", b"\xff"), ("overlong", b"\xc0\x80"), ("surrogate", b"\xed\xa0\x80"),
                       ("cut", b"\xe2\x82"), ("over-10ffff", b"\xf4\x90\x80\x80")]:
        inner = b"\x1a" + varint(len(text)) + text
        v.bad_body(f"utf8-{name}", b"\x0a" + varint(len(inner)) + inner, "utf8")
    v.bad_body("utf8-in-map-key", bytes.fromhex("0a0522030a01ff"), "utf8")
    v.bad_body("utf8-in-replaced-text", bytes.fromhex("0a061a01ff1a0161"), "utf8")
    v.ok("bytes-need-no-utf8", bytes.fromhex("0a050a030a01ff"))


def nesting(v):
    def nested(levels):
        """`levels` messages below the envelope: event, map entry, then values and arrays in turn."""
        body = b""
        for level in range(levels, 3, -1):
            tag = b"\x32" if level % 2 == 0 else b"\x0a"
            body = tag + varint(len(body)) + body
        body = b"\x12" + varint(len(body)) + body
        body = b"\x22" + varint(len(body)) + body
        return b"\x0a" + varint(len(body)) + body

    v.ok("nesting-at-limit", nested(NESTING_MAX))
    v.bad_body("nesting-over-by-one", nested(NESTING_MAX + 1), "too_deep")
    v.bad_body("nesting-far-over", nested(5000), "too_deep")
    v.ok("groups-at-limit", b"\x7b" * NESTING_MAX + b"\x7c" * NESTING_MAX)
    v.bad_body("groups-over-by-one", b"\x7b" * (NESTING_MAX + 1) + b"\x7c" * (NESTING_MAX + 1), "too_deep",
               official=False)
    v.bad_body("groups-far-over", b"\x7b" * 5000 + b"\x7c" * 5000, "too_deep")


def events(v):
    """Batches of empty events. Where they fit another member replaces them: their text is short."""
    def batch(count):
        return [b"\x42" + varint(2 * count), (b"\x12\x00", count)]

    over, event = batch(EVENTS_MAX + 1), b"\x0a\x00"
    for name, pieces in [("under-by-one", batch(EVENTS_MAX - 1)), ("at", batch(EVENTS_MAX)),
                         ("twice-at", [*batch(EVENTS_MAX), event, *batch(EVENTS_MAX)])]:
        body = joined([*pieces, event])
        v.ok(f"events-{name}-limit", body, [b"\x00", *pieces, event])
        v.ok(f"events-{name}-limit-compressed", body, [b"\x01", zstd(body)], again=True)
    for name, pieces in [("over-limit-by-one", over), ("over-limit-by-one-replaced", [*over, event]),
                         ("over-limit-in-two-parts", [*batch(EVENTS_MAX), *batch(1)]),
                         ("over-limit-then-damaged", [*over, b"\x02"]),
                         ("far-over-limit", batch(MIB_10 // 2 - 16))]:
        v.bad(f"events-{name}", [b"\x00", *pieces], "too_many_events")
        v.bad(f"events-{name}-compressed", [b"\x01", zstd(joined(pieces))], "too_many_events")
    v.bad("events-at-limit-then-damaged", [b"\x00", *batch(EVENTS_MAX), b"\x02"], "protobuf")


def compression(v):
    body = v.message(event=v.pb.Event(header=v.header("EVENT"), event_type=10, node_id="analyze" * 100))
    sized, checked = zstd(body), zstd(body, write_checksum=True)
    unsized = zstd(body, write_content_size=False)
    skip = struct.pack("<II", 0x184D2A50, 3) + b"abc"
    half = len(body) // 2
    for name, frames in [
            ("sized", sized), ("size-less", unsized), ("checksum", checked), ("level-22", zstd(body, 22)),
            ("two-frames", zstd(body[:half]) + zstd(body[half:], write_content_size=False)),
            ("skippable-first", skip + sized), ("skippable-last", sized + skip),
            ("skippable-between", zstd(body[:half]) + skip + zstd(body[half:])),
            ("empty-frame-and-more", zstd(b"") + sized), ("window-8-mib", windowed(body, 23))]:
        v.ok(f"zstd-{name}", body, [b"\x01", frames])
    v.ok("zstd-of-nothing", b"", [b"\x01", zstd(b"")])
    v.ok("legacy-raw", body, [body], legacy=True)
    v.ok("legacy-zstd", body, [sized], legacy=True)
    v.ok("legacy-zstd-size-less", body, [unsized], legacy=True)
    flipped = bytearray(checked)
    flipped[-1] ^= 1
    for name, frames in [
            ("nothing", b""), ("magic-only", sized[:4]), ("cut-in-header", sized[:5]), ("cut-in-block", sized[:-5]),
            ("cut-by-one", sized[:-1]), ("checksum-wrong", bytes(flipped)), ("checksum-cut", checked[:-1]),
            ("trailing-byte", sized + b"\x00"), ("trailing-magic", sized + sized[:4]), ("not-zstd", body),
            ("skippable-only", skip), ("skippable-cut", sized + skip[:-1]), ("framed-twice", b"\x01" + sized),
            ("reserved-block", sized[:4] + bytes.fromhex("20010f0000")),
            ("declared-too-small", declaring(b"abc", 2)), ("declared-too-large", declaring(b"abc", 4)),
            ("dictionary", bytes.fromhex("28b52ffd2105030019000061626" + "3"))]:
        v.bad(f"zstd-{name}", [b"\x01", frames], "decompress")
    v.bad("zstd-of-garbage", [b"\x01", zstd(b"\xff" * 50)], "protobuf")
    v.bad("zstd-of-framed", [b"\x01", zstd(b"\x00" + body)], "protobuf")
    for log in (24, 25, 27):
        v.ok(f"zstd-window-{1 << log - 20}-mib", body, [b"\x01", windowed(body, log)], again=True)


def windowed(body, log):
    """A frame that asks for a window of 2^log bytes and declares no size."""
    parameters = zstandard.ZstdCompressionParameters(window_log=log, write_content_size=False)
    frame = zstandard.ZstdCompressor(compression_params=parameters)
    stream = frame.compressobj()
    out = stream.compress(body) + stream.flush()
    assert zstandard.get_frame_parameters(out).window_size == 1 << log, log
    return out


def declaring(content, size):
    """One raw block in a single-segment frame that declares another size than it has."""
    block = struct.pack("<I", len(content) << 3 | 1)[:3]
    return struct.pack("<IBB", 0xFD2FB528, 0x20, size) + block + content


def limits(v):
    for name, size in [("under-by-one", MIB_10 - 1), ("at", MIB_10)]:
        pieces = of_size(size)
        assert len(joined(pieces)) == size
        v.ok(f"payload-{name}-limit", joined(pieces), [b"\x00", *pieces])
    v.bad("payload-over-limit-by-one", [b"\x00", *of_size(MIB_10 + 1)], "too_large")
    v.ok("legacy-at-limit", joined(of_size(MIB_10)), of_size(MIB_10), legacy=True)
    v.bad("legacy-over-limit-by-one", of_size(MIB_10 + 1), "too_large")
    small = of_size(100)
    frame = zstd(joined(small))
    padding = MIB_10 - len(frame) - 8
    for name, more in [("at", 0), ("over", 1)]:
        pieces = [b"\x01" + struct.pack("<II", 0x184D2A50, padding + more), (b"\x00", padding + more), frame]
        if more:
            v.bad("compressed-over-limit-by-one", pieces, "too_large")
        else:
            v.ok("compressed-at-limit", joined(small), pieces)
    at, over = joined(of_size(MIB_10)), joined(of_size(MIB_10 + 1))
    v.ok("decompressed-at-limit", at, [b"\x01", zstd(at)])
    v.ok("decompressed-at-limit-size-less", at, [b"\x01", unsized_small_window(at)])
    v.bad("decompressed-over-limit-by-one", [b"\x01", zstd(over)], "decompressed_too_large")
    v.bad("decompressed-over-limit-size-less", [b"\x01", unsized_small_window(over)], "decompressed_too_large")
    bomb = zstd(bytes(MIB_10 // 2 + 1), 19)
    v.bad("bomb-of-two-frames", [b"\x01", (bomb, 2)], "decompressed_too_large")
    v.bad("bomb-of-100-mib", [b"\x01", unsized_small_window(bytes(10 * MIB_10))], "decompressed_too_large")
    declared = struct.pack("<IBQ", 0xFD2FB528, 0xE0, 2**64 - 1) + bytes.fromhex("010000")
    v.bad("declares-2-64", [b"\x01", declared], "decompressed_too_large")


def unsized_small_window(raw):
    parameters = zstandard.ZstdCompressionParameters.from_level(19, window_log=17, write_content_size=False)
    return zstandard.ZstdCompressor(compression_params=parameters).compress(raw)


def lines(schema, canonical):
    v = Vectors(schema, canonical)
    for group in [kinds, values, merging, damage, nesting, events, compression, *schema_cases.groups(), frames.every_kind,
                  frames.damage, limits]:
        group(v)
    frames.limits(v, of_size, joined, unsized_small_window)
    yield "# Made by tools/official.py; README.md says what the columns are."
    yield "# name\tpayload\tstrict\tcompatible\ttext"
    yield from v.rows
