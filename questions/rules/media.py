"""Where a question shows images and sounds, and what one must be: told by its first bytes, never by its name. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from questions.errors import BadMedia
from questions.rules.pictures import pixels

IMAGE_LIMIT = 500_000
SOUND_LIMIT = 2_000_000
"""Bytes."""

MOST_PIXELS = 25_000_000
"""Unpacked they take four bytes each on a phone, however few the file has."""

_ID3_HEAD = 10


def shown_in(owner: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the images and sounds of a question or a case, its own before those of options and prompts."""
    yield from owner.get("media", [])
    for part in [*owner.get("options", []), *owner.get("prompts", [])]:
        if "image" in part:
            yield part["image"]


def mime_of(content: bytes) -> str:
    """Return the media type of a PNG, JPEG, WebP or MP3 file.

    Args:
        content: the whole file.

    Raises: BadMedia, "unknown" for every other type, "too_large" over the limit of its type, "too_many_pixels".
    """
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        mime = "image/png"
    elif content.startswith(b"\xff\xd8\xff"):
        mime = "image/jpeg"
    elif content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        mime = "image/webp"
    elif _is_mp3(content):
        mime = "audio/mpeg"
    else:
        raise BadMedia(why="unknown")
    if len(content) > (IMAGE_LIMIT if mime.startswith("image/") else SOUND_LIMIT):
        raise BadMedia(why="too_large")
    if mime.startswith("image/") and pixels(content, mime) > MOST_PIXELS:
        raise BadMedia(why="too_many_pixels")
    return mime


def _is_mp3(content: bytes) -> bool:
    """Say whether a frame of MPEG layer III stands first (ISO/IEC 11172-3, 2.4.1.3), or first after an ID3v2 tag."""
    frames = content
    if content.startswith(b"ID3"):
        size = content[6:_ID3_HEAD]
        if len(size) < 4 or max(size) > 0x7F:
            return False
        tag = _ID3_HEAD + (size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3])
        frames = content[tag : tag + SOUND_LIMIT].lstrip(b"\0")
    head = frames[:3]
    if len(head) < 3 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer, bitrate, rate = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer == 1 and bitrate not in (0, 15) and rate != 3
