"""What PNG, JPEG and WebP files say of themselves: how many pixels they unpack to, where and by whom they were made."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_SIZED = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The markers of JPEG frames (ISO/IEC 10918-1, table B.1)."""
_SCAN = 0xDA
_EXIF = 0xE1
_TOLD = frozenset({_EXIF, *range(0xE3, 0xEE), 0xEF, 0xFE})
"""Exif, XMP, IPTC, makers' data and comments; the colour profile, JFIF's and Adobe's own markers stay."""
_ORIENTED = struct.Struct(">2sH6s2sHIHHHIHHI")
_PNG_TOLD = (b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME")
_WEBP_TOLD = (b"EXIF", b"XMP ")
_WEBP_TOLD_FLAGS = 0x0C


def pixels(content: bytes, mime: str) -> int:
    """Return how many pixels an image unpacks to; 0 where it does not say so, so that nothing will show it.

    Args:
        content: the whole file.
        mime: "image/png", "image/jpeg" or "image/webp".
    """
    try:
        if mime == "image/png":
            width, height = struct.unpack_from(">II", content, 16)
        elif mime == "image/jpeg":
            at = next((start for marker, start, _end in _segments(content) if marker in _SIZED), len(content))
            height, width = struct.unpack_from(">HH", content, at + 5)
        else:
            width, height = _webp_size(content)
    except struct.error:
        return 0
    return int(width * height)


def _webp_size(content: bytes) -> tuple[int, int]:
    """Source: RFC 9649 and RFC 6386, 9.1."""
    if content[12:16] == b"VP8X":
        width, height = content[24:27], content[27:30]
        return int.from_bytes(width, "little") + 1, int.from_bytes(height, "little") + 1
    if content[12:16] == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    sizes = struct.unpack_from("<HH", content, 26)
    return sizes[0] & 0x3FFF, sizes[1] & 0x3FFF


def without_traces(content: bytes, mime: str) -> bytes:
    """Return an image without what tells where, when and by whom it was made; of Exif its orientation stays.

    Args: as `pixels`; every other file is returned as it is.
    """
    match mime:
        case "image/jpeg":
            return _clean_jpeg(content)
        case "image/png":
            return content[:8] + b"".join(
                content[start:end] for name, start, end in _chunks(content, 8, ">I4s", 12) if name not in _PNG_TOLD
            )
        case "image/webp":
            return _clean_webp(content)
        case _:
            return content


def _segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of the segments of a JPEG before its scan, past what stands between them."""
    at = 2
    while (at := content.find(b"\xff", at)) >= 0 and at + 4 <= len(content):
        marker = content[at + 1]
        if marker == _SCAN:
            return
        if marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD9:
            at += 1
            continue
        end = min(at + 2 + max(int.from_bytes(content[at + 2 : at + 4]), 2), len(content))
        yield marker, at, end
        at = end


def _clean_jpeg(content: bytes) -> bytes:
    kept, at, orientation = [content[:2]], 2, 1
    for marker, start, end in _segments(content):
        if marker in _TOLD:
            kept.append(content[at:start])
            at = end
            orientation = _orientation(content[start:end]) if marker == _EXIF and orientation == 1 else orientation
    if orientation != 1:
        said = (b"\xff\xe1", 34, b"Exif\0\0", b"MM", 42, 8, 1, 0x112, 3, 1, orientation, 0, 0)
        kept.insert(1, _ORIENTED.pack(*said))
    return b"".join([*kept, content[at:]])


def _orientation(segment: bytes) -> int:
    """Return the orientation, 1 to 8, of an Exif segment; 1 where it has none. Source: TIFF 6.0, section 2."""
    tiff = segment[10:]
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2], "")
    try:
        (at,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, at)
        for entry in range(at + 2, at + 2 + 12 * count, 12):
            tag, _type, _count, value = struct.unpack_from(order + "HHIH", tiff, entry)
            if tag == 0x112 and order and segment[4:10] == b"Exif\0\0" and 1 <= value <= 8:
                return int(value)
    except struct.error:
        pass
    return 1


def _chunks(content: bytes, at: int, head: str, more: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and end of the chunks of a PNG or WebP; what follows the last whole one has no name."""
    while at + 8 <= len(content):
        first, second = struct.unpack_from(head, content, at)
        size, name = (first, second) if isinstance(first, int) else (second + second % 2, first)
        end = at + more + size
        if end > len(content):
            break
        yield name, at, end
        at = end
    yield b"", at, len(content)


def _clean_webp(content: bytes) -> bytes:
    kept = b"".join(
        content[start:end] for name, start, end in _chunks(content, 12, "<4sI", 8) if name not in _WEBP_TOLD
    )
    if len(kept) == len(content) - 12:
        return content
    if kept[:4] == b"VP8X":
        kept = kept[:8] + bytes(flags & ~_WEBP_TOLD_FLAGS for flags in kept[8:9]) + kept[9:]
    return b"RIFF" + struct.pack("<I", len(kept) + 4) + b"WEBP" + kept
