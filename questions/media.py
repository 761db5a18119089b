"""Images and sounds: kept by the SHA-256 of their content, and taken from files that a bank names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy.dialects.postgresql import insert

from core import clock
from core.database import db
from questions.errors import BadMedia
from questions.models import Media
from questions.rules import IMAGE_LIMIT, MOST_PIXELS, SOUND_LIMIT, mime_of, shown_in, without_traces

_WHY = {
    "unknown": "is no PNG, JPEG, WebP or MP3",
    "too_large": f"is larger than {IMAGE_LIMIT // 1000} kB (MP3: {SOUND_LIMIT // 1_000_000} MB)",
    "too_many_pixels": f"has more than {MOST_PIXELS // 1_000_000} million pixels",
}


def keep(content: bytes, person_id: int | None = None) -> dict[str, str]:
    """Keep an image or a sound in the caller's transaction, without what tells where it was made; the same once.

    Args:
        content: the whole file.
        person_id: who brought it; None for a file that came with a bank.

    Returns: {sha256, mime}, to which a question adds `alt`.

    Raises: BadMedia.
    """
    found = name_of(content)
    row = found | {
        "content": without_traces(content, found["mime"]),
        "created_at": clock.now(),
        "created_by": person_id,
    }
    db.session.execute(insert(Media).values(row).on_conflict_do_nothing())
    return found


def name_of(content: bytes) -> dict[str, str]:
    """Return {sha256, mime} of an image or a sound as it is kept. Raises: BadMedia."""
    mime = mime_of(content)
    return {"sha256": hashlib.sha256(without_traces(content, mime)).hexdigest(), "mime": mime}


def read_files(bank: dict[str, Any], folder: Path) -> tuple[list[bytes], list[str]]:
    """Put {sha256, mime, alt} in the place of every {file, alt} of a parsed bank.

    Args:
        bank: in the form of docs/bank-format.md; changed in place.
        folder: where its files lie.

    Returns: the contents to keep, and one sentence for each fault.
    """
    contents, problems = [], []
    read: list[Any] = []
    for code, entry, images_only in _entries(bank):
        if any(entry is other for other in read):
            continue  # one entry under several names: an alias of YAML
        read.append(entry)
        name = entry.pop("file", None) if isinstance(entry, dict) else None
        if not isinstance(name, str) or Path(name).name != name:
            problems.append(f"{code}: an image or sound names no file")
            continue
        if not isinstance(alt := entry.get("alt"), dict) or not (alt.get("zh") and alt.get("en")):
            problems.append(f"{code}: {name} lacks its words (alt) in zh or en")
        try:
            content = (folder / name).read_bytes()
            found = name_of(content)
        except OSError:
            problems.append(f"{code}: {name} is not in {folder}")
            continue
        except BadMedia as refusal:
            problems.append(f"{code}: {name} {_WHY[str(refusal.details['why'])]}")
            continue
        if images_only and not found["mime"].startswith("image/"):
            problems.append(f"{code}: {name} is no image")
        entry |= found
        contents.append(content)
    return contents, problems


def _entries(bank: dict[str, Any]) -> Iterator[tuple[str, Any, bool]]:
    """Yield every image and sound with the id of its question or case, and whether it has to be an image."""
    for owner in [*bank.get("cases", []), *bank.get("questions", [])]:
        for number, entry in enumerate(shown_in(owner)):
            yield str(owner.get("id")), entry, number >= len(owner.get("media", []))
