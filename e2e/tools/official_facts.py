"""What the official protobuf runtime reads from a capture, one JSON object per record.

usage: official_facts.py CAPTURE PROTO

The schema is compiled at run time by grpc_tools; frames are taken apart with the zstandard module. Nothing of
the project's own decoders is used.
"""

import importlib
import json
import pathlib
import struct
import sys
import tempfile

import zstandard
from grpc_tools import protoc


def compiled(proto: pathlib.Path):
    out = tempfile.mkdtemp(prefix="dashstream-proto-")
    status = protoc.main(["protoc", f"-I{proto.parent}", f"--python_out={out}", str(proto)])
    if status != 0:
        sys.exit(f"{proto}: protoc says {status}")
    sys.path.insert(0, out)
    return importlib.import_module(f"{proto.stem}_pb2")


def records(path: pathlib.Path):
    rest = memoryview(path.read_bytes())

    def take(layout):
        nonlocal rest
        size = struct.calcsize(layout)
        values = struct.unpack(layout, rest[:size])
        rest = rest[size:]
        return values

    def take_bytes():
        nonlocal rest
        (length,) = take("<I")
        value = bytes(rest[:length])
        rest = rest[length:]
        return value

    while rest:
        partition, offset, _timestamp = take("<IQq")
        key = take_bytes()
        yield partition, offset, key, take_bytes()


def body(value: bytes) -> bytes:
    if value[0] == 0:
        return value[1:]
    if value[0] == 1:
        return zstandard.ZstdDecompressor().decompress(value[1:], max_output_size=16 << 20)
    raise ValueError(f"frame byte {value[0]}")


def main() -> None:
    schema = compiled(pathlib.Path(sys.argv[2]))
    for partition, offset, key, value in records(pathlib.Path(sys.argv[1])):
        message = schema.DashStreamMessage.FromString(body(value))
        kind = message.WhichOneof("message")
        inner = getattr(message, kind)
        is_event = kind == "event"
        facts = {
            "partition": partition,
            "offset": str(offset),
            "key": key.decode(),
            "kind": kind,
            "eventType": schema.EventType.Name(inner.event_type) if is_event else None,
            "threadId": inner.header.thread_id,
            "sequence": str(inner.header.sequence),
            "innerEvents": len(inner.events) if kind == "event_batch" else 0,
            "schemaVersion": inner.header.schema_version,
            "bytes": len(value),
        }
        if is_event:
            facts["node"] = inner.node_id
        print(json.dumps(facts, ensure_ascii=False))


main()
