"""What the official protobuf runtime reads, and vectors made by encoders this project did not write.

    official.py text             hex bodies on stdin, one a line -> canonical text, one a line
    official.py random SEED N    N random messages of all kinds -> "hex TAB canonical text" lines
    official.py vectors          the lines of payloads.tsv (see vectors/README.md)

The canonical text is written here from the runtime's own view of a message, a second time and
independently of decode-core; each text is also checked against google.protobuf.json_format.
Needs: protobuf, grpcio-tools, zstandard.
"""

import base64
import importlib
import json
import math
import pathlib
import random
import struct
import sys
import tempfile

from google.protobuf import json_format, unknown_fields
from google.protobuf.descriptor import FieldDescriptor as F
from grpc_tools import protoc

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
PROTO_DIR = HERE.parent.parent / "proto"
UNKNOWN_KEY = "@unknown"
BITS_64 = (F.CPPTYPE_INT64, F.CPPTYPE_UINT64)


def load_schema():
    """Compiles the project's schema with the official compiler."""
    with tempfile.TemporaryDirectory() as out:
        args = ["protoc", f"-I{PROTO_DIR}", f"--python_out={out}", str(PROTO_DIR / "dashstream.proto")]
        if protoc.main(args) != 0:
            sys.exit("protoc refused dashstream.proto")
        sys.path.insert(0, out)
        return importlib.import_module("dashstream_pb2")


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def tag(number, wire):
    return varint(number << 3 | wire)


def string(text):
    return json.dumps(text, ensure_ascii=False)


def b64(raw):
    return '"' + base64.b64encode(raw).decode() + '"'


def shortest_single(value):
    for digits in range(9):
        text = f"{value:.{digits}e}"
        try:
            if struct.pack("<f", float(text)) == struct.pack("<f", value):
                return text
        except OverflowError:
            # Rounded beyond the largest one: more digits are needed.
            continue
    raise AssertionError(value)


def number(value, single):
    """ECMAScript's layout of the shortest digits, except that negative zero keeps its sign."""
    if math.isnan(value):
        return '"NaN"'
    if math.isinf(value):
        return '"Infinity"' if value > 0 else '"-Infinity"'
    if value == 0:
        return "-0.0" if math.copysign(1, value) < 0 else "0"
    text = shortest_single(value) if single else next(
        t for t in (f"{value:.{d}e}" for d in range(17)) if float(t) == value)
    mantissa, exponent = text.split("e")
    sign = "-" if mantissa.startswith("-") else ""
    digits = mantissa.lstrip("-").replace(".", "").rstrip("0")
    point = int(exponent) + 1
    if not -5 <= point <= 21:
        fraction = "." + digits[1:] if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{fraction}e{point - 1:+d}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if len(digits) <= point:
        return sign + digits.ljust(point, "0")
    return f"{sign}{digits[:point]}.{digits[point:]}"


def scalar(field, value):
    kind = field.cpp_type
    if kind == F.CPPTYPE_MESSAGE:
        return text_of(value)
    if kind == F.CPPTYPE_ENUM:
        known = field.enum_type.values_by_number.get(value)
        return string(known.name) if known else str(value)
    if kind in BITS_64:
        return f'"{value}"'
    if kind == F.CPPTYPE_BOOL:
        return "true" if value else "false"
    if field.type == F.TYPE_BYTES:
        return b64(value)
    if kind == F.CPPTYPE_STRING:
        return string(value)
    if kind in (F.CPPTYPE_DOUBLE, F.CPPTYPE_FLOAT):
        return number(value, kind == F.CPPTYPE_FLOAT)
    return str(value)


def unknown_raw(wire, data):
    """The bytes of an unknown value, in the shortest encoding."""
    if wire == 0:
        return varint(data)
    if wire == 1:
        return struct.pack("<Q", data)
    if wire == 5:
        return struct.pack("<I", data)
    if wire == 2:
        return data
    out = b""
    for field in data:
        inner = unknown_raw(field.wire_type, field.data)
        out += tag(field.field_number, field.wire_type)
        out += varint(len(inner)) + inner if field.wire_type == 2 else inner
        out += tag(field.field_number, 4) if field.wire_type == 3 else b""
    return out


def text_of(message):
    members = {}
    for field, value in message.ListFields():
        if not field.is_repeated:
            members[field.json_name] = scalar(field, value)
        elif field.message_type and field.message_type.GetOptions().map_entry:
            of = field.message_type.fields_by_name["value"]
            entries = sorted(value.items(), key=lambda entry: entry[0].encode())
            inner = ",".join(f"{string(key)}:{scalar(of, item)}" for key, item in entries)
            members[field.json_name] = "{" + inner + "}"
        else:
            members[field.json_name] = "[" + ",".join(scalar(field, item) for item in value) + "]"
    unknown = [f"[{u.field_number},{u.wire_type},{b64(unknown_raw(u.wire_type, u.data))}]"
               for u in unknown_fields.UnknownFieldSet(message)]
    if unknown:
        members[UNKNOWN_KEY] = "[" + ",".join(unknown) + "]"
    ordered = sorted(members.items(), key=lambda member: member[0].encode())
    return "{" + ",".join(f"{string(key)}:{value}" for key, value in ordered) + "}"


def without_unknown(value):
    if isinstance(value, dict):
        # A map may hold the same key, but never with a list.
        return {k: without_unknown(v) for k, v in value.items()
                if k != UNKNOWN_KEY or not isinstance(v, list)}
    return [without_unknown(v) for v in value] if isinstance(value, list) else value


def canonical(schema, body):
    message = schema.DashStreamMessage.FromString(body)
    text = text_of(message)
    # As doubles, which is what plain numbers are: 64-bit integers are strings.
    official = json.loads(json_format.MessageToJson(message, indent=None), parse_int=float)
    if without_unknown(json.loads(text, parse_int=float)) != official:
        sys.exit(f"two official views of one message differ: {text} and {official}")
    return text


EDGES = {
    F.CPPTYPE_INT32: [0, 1, -1, 2**31 - 1, -2**31],
    F.CPPTYPE_UINT32: [0, 1, 2**32 - 1],
    F.CPPTYPE_INT64: [0, 1, -1, 2**53 + 1, 2**63 - 1, -2**63],
    F.CPPTYPE_UINT64: [0, 1, 2**53 + 1, 2**64 - 1],
    F.CPPTYPE_BOOL: [False, True],
    F.CPPTYPE_DOUBLE: [0.0, -0.0, 1.0, 0.1, -1e-7, 1e21, 1e20, 5e-324, math.inf, -math.inf, math.nan],
    F.CPPTYPE_FLOAT: [0.0, -0.0, 1.0, 0.1, -2.5e-8, 16777216.0, 3e38, math.inf],
}
TEXTS = ["", "a", "ß", "\U0001f600", "\x00\x1f\"\\/\x7f\t", "поток/α 1", "__proto__", "\u2028", "@unknown"]


def random_value(rng, field, depth):
    kind = field.cpp_type
    if kind == F.CPPTYPE_ENUM:
        return rng.choice(field.enum_type.values).number if rng.random() < 0.8 else rng.randint(-9, 9999)
    if field.type == F.TYPE_BYTES:
        return rng.randbytes(rng.randint(0, 9))
    if kind == F.CPPTYPE_STRING:
        return rng.choice(TEXTS)
    if kind == F.CPPTYPE_DOUBLE and rng.random() < 0.5:
        value = struct.unpack("<d", rng.randbytes(8))[0]
        return value if math.isfinite(value) else 0.5
    if kind == F.CPPTYPE_FLOAT and rng.random() < 0.5:
        return rng.uniform(-10, 10)
    return rng.choice(EDGES[kind])


def fill(rng, message, depth):
    for field in message.DESCRIPTOR.fields:
        if rng.random() < 0.35 or (depth <= 0 and field.message_type):
            continue
        target = getattr(message, field.name)
        if field.message_type and field.message_type.GetOptions().map_entry:
            of = field.message_type.fields_by_name["value"]
            for key in rng.sample(TEXTS, rng.randint(0, 3)):
                if of.message_type:
                    fill(rng, target[key], depth - 1)
                else:
                    target[key] = random_value(rng, of, depth)
        elif field.is_repeated:
            for _ in range(rng.randint(0, 3)):
                if field.message_type:
                    fill(rng, target.add(), depth - 1)
                else:
                    target.append(random_value(rng, field, depth))
        elif field.message_type:
            target.SetInParent()
            fill(rng, target, depth - 1)
        else:
            setattr(message, field.name, random_value(rng, field, depth))


def random_bodies(schema, seed, count):
    rng = random.Random(seed)
    members = schema.DashStreamMessage.DESCRIPTOR.fields
    for index in range(count):
        message = schema.DashStreamMessage()
        member = getattr(message, members[index % len(members)].name)
        member.SetInParent()
        fill(rng, member, rng.randint(1, 6))
        body = message.SerializeToString(deterministic=True)
        if rng.random() < 0.3:
            body += tag(rng.randint(10, 5000), 2) + b"\x03new"
        yield body


def main(args):
    schema = load_schema()
    if args[:1] == ["text"]:
        for line in sys.stdin:
            print(canonical(schema, bytes.fromhex(line.strip())))
    elif args[:1] == ["random"] and len(args) == 3:
        for body in random_bodies(schema, int(args[1]), int(args[2])):
            print(f"{body.hex()}\t{canonical(schema, body)}")
    elif args == ["vectors"]:
        import payloads
        for line in payloads.lines(schema, canonical):
            print(line)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    main(sys.argv[1:])
