"""Vectors that follow from the schema: one for each text field, each kind of value, each message.

Whoever adds a field to the schema gets its vectors by running the tool again.
"""

import struct

from google.protobuf.descriptor import FieldDescriptor as F

INT_EDGES = {
    F.CPPTYPE_INT32: (2**31 - 1, -2**31), F.CPPTYPE_UINT32: (2**32 - 1, 0),
    F.CPPTYPE_INT64: (2**63 - 1, -2**63), F.CPPTYPE_UINT64: (2**64 - 1, 0),
}


def paths(envelope):
    """Each message type once, with the fields that lead to it from the envelope."""
    found = {}
    waiting = [(envelope, [])]
    while waiting:
        message, path = waiting.pop(0)
        if message.full_name in found:
            continue
        found[message.full_name] = (message, path)
        for field in message.fields:
            if field.message_type:
                waiting.append((field.message_type, path + [field]))
    return found.values()


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def tagged(number, wire, content):
    length = varint(len(content)) if wire == 2 else b""
    return varint(number << 3 | wire) + length + content


def nested(path, content):
    for field in reversed(path):
        content = tagged(field.number, 2, content)
    return content


def place(path, field):
    """As it stands in a vector's name: event-header-tenant_id."""
    return "-".join(step.name for step in [*path, field])


def text_fields(v):
    """A text that is no UTF-8, in every text field there is: map keys and values and lists too."""
    for message, path in paths(v.pb.DashStreamMessage.DESCRIPTOR):
        for field in message.fields:
            if field.type == F.TYPE_STRING:
                body = nested(path, tagged(field.number, 2, b"a\xff"))
                v.bad_body(f"utf8-in-{place(path, field)}", body, "utf8")


def value_kinds(v):
    """Each kind of AttributeValue and of MetricValue by itself, as default and not."""
    value = v.pb.AttributeValue
    kinds = {
        "string": [value(string_value=""), value(string_value="ß")],
        "int": [value(int_value=0), value(int_value=-2**63)],
        "float": [value(float_value=0.0), value(float_value=-2.5e-9)],
        "bool": [value(bool_value=False), value(bool_value=True)],
        "bytes": [value(bytes_value=b""), value(bytes_value=bytes(range(256)))],
        "array": [value(array_value=v.pb.AttributeArray()),
                  value(array_value=v.pb.AttributeArray(values=[value(int_value=1), value(string_value="2")]))],
        "map": [value(map_value=v.pb.AttributeMap()),
                value(map_value=v.pb.AttributeMap(values={"k": value(bool_value=True)}))],
    }
    for name, (default, other) in kinds.items():
        v.ok(f"attribute-{name}-default", v.message(event=v.pb.Event(attributes={"x": default})))
        v.ok(f"attribute-{name}", v.message(event=v.pb.Event(attributes={"x": other})))
    for name, number in [("int", {"int_value": 2**63 - 1}), ("float", {"float_value": 1.0}),
                         ("string", {"string_value": "1"}), ("bool", {"bool_value": True}),
                         ("bytes", {"bytes_value": b"\x00"})]:
        metric = v.pb.MetricValue(**number)
        v.ok(f"metric-{name}", v.message(metrics=v.pb.Metrics(metrics={"x": metric})))


def integers(v):
    """Every integer field of every kind of message at both ends of its range."""
    for member in v.pb.DashStreamMessage.DESCRIPTOR.fields:
        for end, which in enumerate(["max", "min"]):
            message = v.pb.DashStreamMessage()
            target = getattr(message, member.name)
            target.SetInParent()
            fill(target, end, 3)
            v.ok(f"integers-{which}-{member.name}", message.SerializeToString(deterministic=True))


def fill(message, end, depth):
    for field in message.DESCRIPTOR.fields:
        entry = field.message_type and field.message_type.GetOptions().map_entry
        if field.cpp_type in INT_EDGES:
            edge = INT_EDGES[field.cpp_type][end]
            if field.is_repeated:
                getattr(message, field.name).append(edge)
            else:
                setattr(message, field.name, edge)
        elif field.message_type and not entry and depth > 0:
            inner = getattr(message, field.name)
            inner = inner.add() if field.is_repeated else inner
            if not field.is_repeated:
                inner.SetInParent()
            fill(inner, end, depth - 1)


def enums(v):
    """Every named number of every enum, and a number without a name."""
    events = [v.pb.Event(event_type=n) for n in sorted(v.pb.EventType.values())]
    v.ok("every-event-type", v.message(event_batch=v.pb.EventBatch(events=events)))
    for message, path in paths(v.pb.DashStreamMessage.DESCRIPTOR):
        for field in message.fields:
            if not field.enum_type or field.is_repeated:
                continue
            for value in field.enum_type.values:
                if field.enum_type.name == "EventType":
                    break
                body = nested(path, tagged(field.number, 0, varint(value.number)))
                v.ok(f"enum-{place(path, field)}-{value.number}", body)
            v.ok(f"enum-{place(path, field)}-unknown", nested(path, tagged(field.number, 0, varint(4242))))


def unknown(v):
    """A field from the future in every message, and a group of one."""
    for message, path in paths(v.pb.DashStreamMessage.DESCRIPTOR):
        name = "-".join(step.name for step in path) or "envelope"
        body = nested(path, tagged(1999, 2, b"new") + tagged(2000, 0, b"\x01"))
        v.ok(f"unknown-in-{name}", body)
    group = varint(1999 << 3 | 3) + tagged(1, 0, b"\x07") + varint(1999 << 3 | 4)
    v.ok("unknown-group-in-header", tagged(1, 2, tagged(1, 2, group)))
    # A map entry may hold more than key and value; in this order the runtime keeps it as it was.
    entry = tagged(1, 2, b"k") + tagged(2, 2, b"") + tagged(3, 0, b"\x05")
    plain = tagged(1, 2, b"k") + tagged(2, 2, tagged(4, 0, b"\x01"))
    v.ok("unknown-in-map-entry", tagged(1, 2, tagged(4, 2, entry)))
    v.ok("unknown-in-later-entry-of-a-key", tagged(1, 2, tagged(4, 2, plain) + tagged(4, 2, entry)))


def layouts(v):
    """A field of each type in a layout it cannot have. The official runtime takes it as unknown."""
    wrong = {0: b"\x01", 1: b"\x00" * 8, 2: b"", 5: b"\x00" * 4}
    seen = set()
    for message, path in paths(v.pb.DashStreamMessage.DESCRIPTOR):
        if message.GetOptions().map_entry:
            continue
        for field in message.fields:
            entry = bool(field.message_type and field.message_type.GetOptions().map_entry)
            kind = (field.type, field.is_repeated, entry)
            if kind in seen or not path:
                continue
            seen.add(kind)
            right = layout(field)
            for wire, content in wrong.items():
                packed = field.is_repeated and right != 2 and wire == 2
                if wire != right and not packed:
                    body = nested(path, tagged(field.number, wire, content))
                    v.bad_body(f"layout-{wire}-of-{place(path, field)}", body, "protobuf", official=False)


def layout(field):
    if field.type in (F.TYPE_DOUBLE, F.TYPE_FIXED64, F.TYPE_SFIXED64):
        return 1
    if field.type in (F.TYPE_FLOAT, F.TYPE_FIXED32, F.TYPE_SFIXED32):
        return 5
    return 2 if field.type in (F.TYPE_STRING, F.TYPE_BYTES, F.TYPE_MESSAGE) else 0


def batches(v):
    pb = v.pb
    event = pb.Event
    v.ok("batch-empty", v.message(event_batch=pb.EventBatch(header=v.header("EVENT_BATCH", sequence=0))))
    v.ok("batch-of-empty-events", v.message(event_batch=pb.EventBatch(events=[event()] * 3)))
    mixed = [event(header=v.header("EVENT", thread_id="a", sequence=9)),
             event(header=v.header("EVENT", thread_id="b", sequence=2**64 - 1)),
             event(event_type=10, node_id="without header"),
             event(header=v.header("EVENT", thread_id="a", sequence=3, schema_version=2))]
    v.ok("batch-of-two-threads", v.message(event_batch=pb.EventBatch(
        header=v.header("EVENT_BATCH", sequence=0, thread_id="a"), events=mixed)))
    whole = v.message(event_batch=pb.EventBatch(events=mixed))
    v.ok("batch-in-two-parts", whole + whole)
    v.ok("batch-replaced", whole + v.message(token_chunk=pb.TokenChunk(text="t")))
    v.bad_body("batch-cut-in-its-last-event", whole[:-1], "protobuf")
    inner = tagged(2, 2, tagged(3, 2, b"\xff"))
    v.bad_body("batch-with-a-bad-text", tagged(8, 2, tagged(2, 2, b"\x10\x0a") + inner), "utf8")


def floats(v):
    singles = [0.0, -0.0, 1.0, 0.1, 1.1754943508222875e-38, 3.4028234663852886e38, 16777216.0,
               float("inf"), float("-inf"), float("nan"), 1e-7, 1.5e21, 123456.79]
    v.ok("floats", v.message(token_chunk=v.pb.TokenChunk(logprobs=singles)))
    # Not a number has many bit patterns and one text.
    odd_nan = struct.pack("<Q", 0xFFF8_0000_0000_0001)
    v.ok("double-nan-with-payload", nested([], tagged(1, 2, tagged(4, 2, tagged(1, 2, b"x") + tagged(
        2, 2, tagged(3, 1, odd_nan))))))
    doubles = [2.0**63, -2.0**63, 2.0**53, 1e15, 123456789012345680.0, 9.5367431640625e-07, 1.0000000000000002]
    for number in doubles:
        name = repr(number).replace(".", "-").replace("+", "").replace("e-", "em")
        v.ok(f"double-{'minus' if number < 0 else ''}{name}", v.message(
            event=v.pb.Event(attributes={"x": v.pb.AttributeValue(float_value=number)})))


def groups():
    return [text_fields, value_kinds, integers, enums, unknown, layouts, batches, floats]
