"""The corpora of `cargo xtask bench decode`, the same bytes from the same seed.

    generate.py OUT_DIR [--percent N] [--seed N] [--only NAME]

Writes small.bin, batch.bin and checkpoint.bin: payloads, each behind its length (u32, little endian);
and manifest.json, which counts them. A payload is framed as a DashStream producer frames it: over
512 bytes as 0x01 and a zstd frame (level 3, content size declared) where that is smaller, else as 0x00
and the plain protobuf. A compressed message says so in its header, and a batch in those of its events.
Needs: protobuf, grpcio-tools, zstandard.
"""

import argparse
import hashlib
import importlib
import json
import pathlib
import random
import struct
import sys
import tempfile

import zstandard
from grpc_tools import protoc

sys.dont_write_bytecode = True
from messages import Maker  # noqa: E402
from prose import Prose  # noqa: E402

PROTO_DIR = pathlib.Path(__file__).resolve().parent.parent.parent / "proto"
SEED = 20260101
SMALL, BATCHES, EVENTS_PER_BATCH, CHECKPOINTS = 100_000, 2_000, 100, 200
COMPRESSED_OVER_BYTES = 512


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--percent", type=int, default=100)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--only", choices=["small", "batch", "checkpoint"])
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    schema = load_schema()
    # A random stream for each corpus: the length of one leaves the others as they are.
    makers = []
    for index in range(3):
        stream = random.Random(options.seed + index)
        makers.append(Maker(schema, stream, Prose(stream)))
    small, batch, checkpoint = makers
    share = lambda count: max(1, count * options.percent // 100)  # noqa: E731
    corpora = {
        "small": small.small(share(SMALL)),
        "batch": (batch.batch(EVENTS_PER_BATCH) for _ in range(share(BATCHES))),
        "checkpoint": (checkpoint.checkpoint() for _ in range(share(CHECKPOINTS))),
    }
    manifest = {"seed": options.seed}
    for name, payloads in corpora.items():
        if options.only in (None, name):
            manifest[name] = write(options.out, name, payloads)
    # Last, so that it stands for a complete set.
    (options.out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


def load_schema():
    with tempfile.TemporaryDirectory() as out:
        file = str(PROTO_DIR / "dashstream.proto")
        if protoc.main(["protoc", f"-I{PROTO_DIR}", f"--python_out={out}", file]) != 0:
            sys.exit("protoc refused dashstream.proto")
        sys.path.insert(0, out)
        return importlib.import_module("dashstream_pb2")


COMPRESSOR = zstandard.ZstdCompressor(level=3)


def write(out, name, messages):
    counts = {"messages": 0, "compressed": 0, "payload_bytes": 0, "protobuf_bytes": 0, "inner_events": 0}
    # Over the protobuf and not the payloads: another version of zstd may compress otherwise.
    digest = hashlib.sha256()
    with open(out / f"{name}.bin", "wb") as file:
        for message in messages:
            payload, protobuf = framed(message)
            file.write(struct.pack("<I", len(payload)) + payload)
            digest.update(protobuf)
            counts["messages"] += 1
            counts["compressed"] += payload[0]
            counts["payload_bytes"] += len(payload)
            counts["protobuf_bytes"] += len(protobuf)
            counts["inner_events"] += len(message.event_batch.events)
    return counts | {"protobuf_sha256": digest.hexdigest()}


def framed(message):
    """The payload of a message, and the protobuf inside it."""
    plain = message.SerializeToString(deterministic=True)
    if len(plain) > COMPRESSED_OVER_BYTES and len(COMPRESSOR.compress(plain)) < len(plain):
        marked = type(message)()
        marked.CopyFrom(message)
        member = getattr(marked, marked.WhichOneof("message"))
        # COMPRESSION_ZSTD, in the headers of a batch's events too.
        for header in [member.header, *(event.header for event in marked.event_batch.events)]:
            header.compression = 1
        body = marked.SerializeToString(deterministic=True)
        compressed = COMPRESSOR.compress(body)
        if len(compressed) < len(body):
            return b"\x01" + compressed, body
    return b"\x00" + plain, plain


if __name__ == "__main__":
    main()
