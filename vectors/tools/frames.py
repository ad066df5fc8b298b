"""Vectors about zstd: every kind of frame and block, damage in each part of them, and the limits."""

import random
import struct

import zstandard

MIB = 1024 * 1024
MAGIC = bytes.fromhex("28b52ffd")
RAW, RLE, COMPRESSED = 0, 1, 2


def zstd(raw, level=3, **options):
    return zstandard.ZstdCompressor(level=level, **options).compress(raw)


def with_parameters(raw, **parameters):
    made = zstandard.ZstdCompressionParameters(**parameters)
    return zstandard.ZstdCompressor(compression_params=made).compress(raw)


def block(kind, content, last=True, size=None):
    size = len(content) if size is None else size
    return struct.pack("<I", size << 3 | kind << 1 | last)[:3] + content


def windowed(descriptor, *blocks):
    """A frame with a window and no declared size."""
    return MAGIC + bytes([0x00, descriptor]) + b"".join(blocks)


def compressed(content):
    """A frame of one compressed block whose content is written by hand."""
    return windowed(0x00, block(COMPRESSED, bytes.fromhex(content)))


def event_body(v, size):
    """An event of about this many bytes that compresses to several kinds of block."""
    rng = random.Random(7)
    words = ["analyze", "session", "node_start", "тест", "\U0001f600", "0123456789"]
    text = " ".join(rng.choice(words) + str(rng.randrange(1000)) for _ in range(size // 12))
    noise = rng.randbytes(size // 8).hex()
    value = v.pb.AttributeValue
    attributes = {"text": value(string_value=text), "noise": value(string_value=noise)}
    return v.message(event=v.pb.Event(header=v.header("EVENT"), attributes=attributes))


def every_kind(v):
    """libzstd's own choice of blocks over a body that makes it use all of them."""
    body = event_body(v, 3_000)
    for level in [-5, 1, 3, 9, 19, 22]:
        name = f"zstd-blocks-level-{level}".replace("--", "-minus-")
        v.ok(name, body, [b"\x01", zstd(body, level)], again=True)
    v.ok("zstd-small-window", body, [b"\x01", with_parameters(
        body, window_log=10, write_content_size=False, write_checksum=True)], again=True)
    half = len(body) // 2
    stream = zstandard.ZstdCompressor(level=3).compressobj()
    flushed = stream.compress(body[:half]) + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    flushed += stream.compress(body[half:]) + stream.flush()
    v.ok("zstd-two-blocks", body, [b"\x01", flushed], again=True)
    small = v.message(event=v.pb.Event(event_type=10, node_id="analyze"))
    v.ok("zstd-raw-block", small, [b"\x01", windowed(0x00, block(RAW, small))])
    parts = [block(RAW, small[at:at + 1], last=at + 1 == len(small)) for at in range(len(small))]
    v.ok("zstd-block-per-byte", small, [b"\x01", windowed(0x00, *parts)], again=True)
    # The count of sequences may take two bytes where one would do.
    literals = struct.pack("<H", len(small) << 4 | 1 << 2) + small
    for count in ["00", "8000"]:
        v.ok(f"zstd-no-sequences-{count}", small, [b"\x01", windowed(
            0x00, block(COMPRESSED, literals + bytes.fromhex(count)))], again=True)
    large = tagged_text(b"b" * 16_378)
    assert len(large) * 8 == 128 * 1024
    v.ok("zstd-block-of-128-kib", large * 8, [b"\x01", zstd(large * 8, 1)])
    v.ok("zstd-empty-last-block", small, [b"\x01", windowed(
        0x00, block(RAW, small, last=False), block(RAW, b""))], again=True)
    text = tagged_text(b"a" * 300)
    v.ok("zstd-rle-block", text, [b"\x01", windowed(
        0x00, block(RAW, text[:-300], last=False), block(RLE, b"a", size=300))])
    for magic in range(16):
        skip = struct.pack("<II", 0x184D2A50 + magic, 0)
        v.ok(f"zstd-skippable-{magic:x}", small, [b"\x01", skip, zstd(small)], again=magic > 0)
    v.ok("zstd-many-frames", small, [b"\x01", (zstd(b""), 500), zstd(small)], again=True)
    skip = struct.pack("<II", 0x184D2A5F, 1) + b"x"
    v.ok("zstd-many-skippable", small, [b"\x01", (skip, 500), zstd(small)], again=True)


def tagged_text(text):
    """An event whose node is this text."""
    inner = b"\x1a" + bytes([len(text) & 0x7F | 0x80, len(text) >> 7]) + text
    return b"\x0a" + bytes([len(inner) & 0x7F | 0x80, len(inner) >> 7]) + inner


def damage(v):
    small = v.message(event=v.pb.Event(header=v.header("EVENT"), event_type=10, node_id="analyze" * 20))
    frame = zstd(small, write_checksum=True)
    for cut in range(1, len(frame)):
        v.bad(f"zstd-cut-at-{cut:03}", [b"\x01", frame[:cut]], "decompress")
    flipped = bytearray(zstd(event_body(v, 2_000), write_checksum=True))
    for at in [10, 30, 200, len(flipped) - 5]:
        damaged = bytearray(flipped)
        damaged[at] ^= 0x10
        v.bad(f"zstd-flipped-at-{at:04}", [b"\x01", bytes(damaged)], "decompress")
    good = windowed(0x00, block(RAW, small))
    wrong_second = bytearray(frame)
    wrong_second[-2] ^= 0x40
    v.bad("zstd-second-checksum-wrong", [b"\x01", frame, bytes(wrong_second)], "decompress")
    for name, frames in [
            ("reserved-bit", MAGIC + b"\x08\x00" + good[6:]),
            ("reserved-block-first", windowed(0x00, block(3, b"", last=False), block(RAW, small))),
            ("no-last-block", windowed(0x00, block(RAW, small, last=False))),
            ("raw-block-over-window", windowed(0x00, block(RAW, b"a" * 1025))),
            ("rle-block-over-window", windowed(0x00, block(RLE, b"a", size=1025))),
            ("rle-block-over-128-kib", windowed(0x38, block(RLE, b"a", size=128 * 1024 + 1))),
            ("empty-compressed-block", compressed("")),
            ("literals-cut", compressed("480102")),
            ("literals-over-block", compressed("fdffff6100")),
            ("treeless-without-tree", compressed("53c0000101010100")),
            ("repeat-without-table", compressed("086101fc01")),
            ("offset-before-start", compressed("20616263640154041f0080000000")),
            ("sequence-modes-reserved", compressed("2061626364015504020004")),
            ("tree-of-no-weights", compressed("42c0008000000000")),
            ("tree-description-cut", compressed("42c00001300000")),
            # No sequences, and yet something after their count.
            ("no-sequences-and-more", compressed("186162630001")),
            ("no-sequences-in-two-bytes-and-more", compressed("18616263800000")),
            # The third repeated offset less one, where the first is 1: no distance at all.
            ("offset-zero", windowed(0x00, block(RAW, b"abcd", last=False), block(
                COMPRESSED, bytes.fromhex("00" "0154000100" "03")))),
            ("skippable-huge", struct.pack("<II", 0x184D2A50, 2**32 - 1) + b"x")]:
        v.bad(f"zstd-{name}", [b"\x01", frames], "decompress")
    over = 128 * 1024 + 1
    too_long = windowed(0x38, block(RAW, b"", size=over))
    v.bad("zstd-raw-block-over-128-kib", [b"\x01", too_long, (b"a", over)], "decompress")
    for length, flag in [(1, 1), (2, 2), (4, 3)]:
        name = f"zstd-dictionary-of-{length}"
        named = MAGIC + bytes([flag, 0x00]) + (7).to_bytes(length, "little") + good[6:]
        v.bad(name, [b"\x01", named], "decompress")
        unnamed = MAGIC + bytes([flag, 0x00]) + bytes(length) + good[6:]
        v.ok(f"{name}-zeros", small, [b"\x01", unnamed], again=length > 1)
    skip = struct.pack("<II", 0x184D2A50, 0)
    # Without its frame byte only the zstd magic tells; this begins like field 10.
    v.bad("legacy-zstd-skippable-first", [skip, zstd(small)], "bad_frame", "protobuf")
    v.bad("zstd-of-json", [b"\x01", zstd(b'{"a":1}')], "protobuf")
    v.bad("zstd-of-cut-message", [b"\x01", zstd(small[:-1])], "protobuf")


def limits(v, of_size, joined, unsized_small_window):
    under = joined(of_size(10 * MIB - 1))
    v.ok("decompressed-under-limit-by-one", under, [b"\x01", zstd(under)], again=True)
    v.ok("decompressed-under-limit-size-less", under, [b"\x01", unsized_small_window(under)], again=True)
    small = v.message(event=v.pb.Event(event_type=10, node_id="analyze"))
    # A window alone refuses nothing. The exponent is 13 (8 MiB); each step of the mantissa adds an eighth.
    for eighths in (1, 2, 3):
        v.ok(f"zstd-window-{8 + eighths}-mib", small,
             [b"\x01", windowed(13 << 3 | eighths, block(RAW, small))], again=True)
    v.bad("zstd-window-largest", [b"\x01", windowed(0xFF, block(RAW, small))], "decompress")
    for name, size, verdict in [
            ("declares-limit-and-holds-less", 10 * MIB, "decompress"),
            ("declares-over-limit-by-one", 10 * MIB + 1, "decompressed_too_large")]:
        v.bad(name, [b"\x01", MAGIC + b"\xa0" + struct.pack("<I", size) + block(RAW, small)], verdict)
    rle = block(RLE, b"\x00", last=False, size=128 * 1024)
    last = block(RAW, b"")
    v.bad("bomb-of-rle-blocks", [b"\x01", windowed(0x38), (rle, 10_000), last], "decompressed_too_large")
    sized = MAGIC + b"\xa0" + struct.pack("<I", 10 * MIB)
    v.bad("bomb-of-many-frames", [b"\x01", (windowed(0x38, block(RLE, b"\x00", size=128 * 1024)), 81)],
          "decompressed_too_large")
    v.bad("bomb-over-its-declared-size", [b"\x01", sized, (rle, 81), last], "decompressed_too_large")
    # Frame 1 takes all that is allowed; a second one adds nothing and then one byte.
    full = windowed(0x38) + block(RAW, b"", last=True)
    v.bad("bomb-second-frame-by-one", [b"\x01", windowed(0x38), (rle, 80), block(RAW, b""), full,
                                       windowed(0x00, block(RAW, b"\x00"))], "decompressed_too_large")
