"""What image files say of themselves: how many pixels they unpack to, and where they were made."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from questions import rules
from questions.errors import BadMedia
from tests.factories import PIXEL

FRAME = b"\xff\xfb\x90\x64" + bytes(413)
EXIF = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0" + b"31.2304N 121.4737E"


def sized(kind: str, width: int, height: int) -> bytes:
    """The head of an image of so many pixels."""
    match kind:
        case "PNG":
            return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">IIxxxxxxxxx", width, height)
        case "JPEG":
            return (
                b"\xff\xd8\xff\xe1\0\x0aExif\xff\xc0\0\0"
                + b"\xff\xff\xc2\0\x0b\x08"
                + struct.pack(">HHxxxx", height, width)
                + b"\xff\xda\0\x02"
            )
        case "VP8X":
            size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
            return b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + size
        case "VP8L":
            bits = struct.pack("<I", width - 1 | height - 1 << 14)
            return b"RIFF\x12\0\0\0WEBPVP8L\5\0\0\0\x2f" + bits + b"\0"
    return b"RIFF\x16\0\0\0WEBPVP8 \x0a\0\0\0\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "VP8X", "VP8L", "VP8 "])
def test_an_image_that_unpacks_to_more_than_a_phone_can_hold_is_refused_however_small_its_file(kind: str) -> None:
    assert rules.mime_of(sized(kind, 5000, 5000)).startswith("image/")
    for width, height in ((5001, 5000), (5000, 5001), (16_383, 16_383)):
        with pytest.raises(BadMedia) as refused:
            rules.mime_of(sized(kind, width, height))
        assert refused.value.details["why"] == "too_many_pixels"


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + bytes(4)


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(name + struct.pack("<I", len(one)) + one + bytes(len(one) % 2) for name, one in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


JPEG = b"\xff\xe0\0\x04JF\xff\xdb\0\x03Q\xff\xc0\0\x0b\x08" + bytes(8) + b"\xff\xda\0\x02\xff\xe1pixels\xff\xd9"
TOLD = struct.pack(">H", len(EXIF) + 2) + EXIF


@pytest.mark.parametrize(
    ("mime", "content", "clean"),
    [
        (
            "image/jpeg",
            b"\xff\xd8\xff\xe1" + TOLD + b"\xff\xfe\0\x0831.23N" + JPEG,
            b"\xff\xd8\xff\xe1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0" + JPEG,
        ),
        ("image/jpeg", b"\xff\xd8" + JPEG, b"\xff\xd8" + JPEG),
        (
            "image/png",
            PIXEL[:33] + chunk(b"eXIf", EXIF) + chunk(b"tEXt", EXIF) + PIXEL[33:],
            PIXEL,
        ),
        (
            "image/webp",
            riff((b"VP8X", b"\x0c" + bytes(9)), (b"VP8L", b"odd"), (b"EXIF", EXIF), (b"XMP ", b"31.2304N")),
            riff((b"VP8X", bytes(10)), (b"VP8L", b"odd")),
        ),
        ("audio/mpeg", FRAME, FRAME),
    ],
)
def test_an_image_loses_what_tells_where_it_was_made_and_keeps_its_orientation(
    mime: str, content: bytes, clean: bytes
) -> None:
    assert rules.without_traces(content, mime) == clean
    assert rules.without_traces(clean, mime) == clean


@given(st.sampled_from(["image/jpeg", "image/png", "image/webp"]), st.binary(max_size=200))
def test_a_damaged_image_is_cleaned_without_a_crash(mime: str, rest: bytes) -> None:
    heads = {"image/jpeg": b"\xff\xd8\xff\xe1", "image/png": PIXEL[:33], "image/webp": b"RIFF\x10\0\0\0WEBP"}
    assert len(rules.without_traces(heads[mime] + rest, mime)) <= len(heads[mime] + rest) + 36
    with suppress(BadMedia):
        rules.mime_of(heads[mime] + rest)
