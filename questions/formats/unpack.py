"""Opening what strangers packed: zip archives and XML, checked before anything is unpacked or expanded."""

from __future__ import annotations

import io
import posixpath
import re
import stat
import zipfile
import zlib
from pathlib import PurePosixPath

from lxml import etree

from questions.formats.neutral import Place, Refused
from questions.rules import N_

MOST_MEMBERS = 12_000
LARGEST_UNPACKED = 96 * 1024 * 1024
"""Bytes of all members together."""
STEEPEST = 100
"""How many bytes one packed byte may become, once the whole is over `RATIO_FROM`."""
RATIO_FROM = 4 * 1024 * 1024

_PACKED_BADLY = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError, OSError, ValueError)


_DECLARED_LATE = re.compile(rb"\A(?:\xef\xbb\xbf)?(\s+)(<\?xml\b[^>]*\?>)")
"""A declaration below empty lines, which change places with it so that lines keep their numbers."""
NO_SUCH_ENCODING = N_(
    "The XML is not in the encoding that it names, which is UTF-8 where it names none. Save it as UTF-8 and upload it"
    " again."
)


class Archive:
    """A zip archive whose names, sizes and ratios have been found harmless; members are read one at a time."""

    def __init__(self, body: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(body))
        except _PACKED_BADLY as fault:
            raise Refused(N_("The file is no archive that can be opened, or it is damaged.")) from fault
        self._members = {info.filename.replace("\\", "/"): info for info in self._zip.infolist() if not info.is_dir()}
        self._by_last: dict[str, list[str]] = {}
        self._check(len(body))

    def _check(self, packed: int) -> None:
        infos = self._zip.infolist()
        if len(infos) > MOST_MEMBERS:
            raise Refused(N_("The archive has more than %(most)s files. Divide it."), most=MOST_MEMBERS)
        if len(self._members) < sum(not info.is_dir() for info in infos):
            raise Refused(N_("The archive names a file twice."))
        for info in infos:
            parts = info.filename.replace("\\", "/").split("/")
            if info.filename.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
                raise Refused(N_("The archive names a file outside of itself: %(name)s"), name=info.filename[:100])
            if stat.S_ISLNK(info.external_attr >> 16):
                raise Refused(N_("The archive holds a link: %(name)s"), name=info.filename[:100])
            if info.flag_bits & 1:
                raise Refused(N_("The archive is protected by a password. Save it without one."))
        unpacked = sum(info.file_size for info in infos)
        if unpacked > LARGEST_UNPACKED or (unpacked > RATIO_FROM and unpacked > STEEPEST * packed):
            raise Refused(
                N_("Unpacked the file would have %(size)s MB: too much, or too much for its size. Divide it."),
                size=round(unpacked / 1_000_000),
            )

    def names(self) -> list[str]:
        """Return the names of the files."""
        return list(self._members)

    def find(self, name: str, base: str = "") -> str | None:
        """Return the name of the member that a file in a folder of the archive refers to, or None."""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(base), name))
        return path if path in self._members else None

    def find_alone(self, name: str) -> str | None:
        """Return the only member whose file name, with or without its ending, is this one; None for none or several."""
        if not self._by_last:
            for path in map(PurePosixPath, self._members):
                for last in {path.name, path.stem}:
                    self._by_last.setdefault(last, []).append(str(path))
        found = self._by_last.get(name, [])
        return found[0] if len(found) == 1 else None

    def read(self, name: str) -> bytes:
        """Return a member, never more of it than was declared. Raises: Refused."""
        info = self._members[name]
        try:
            with self._zip.open(info) as file:
                content = file.read(info.file_size + 1)
        except _PACKED_BADLY as fault:
            raise Refused(N_("The file is no archive that can be opened, or it is damaged.")) from fault
        if len(content) != info.file_size:
            raise Refused(N_("The archive says of %(name)s a size it does not have."), name=name[:100])
        return content


def parse_xml(body: bytes, file: str = "") -> etree._Element:
    """Parse XML without entities and external files, a document type among them. Raises: Refused.

    Args:
        body: the document.
        file: its name within a package, for messages.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, dtd_validation=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(_DECLARED_LATE.sub(rb"\2\1", body), parser)
    except (etree.XMLSyntaxError, ValueError) as fault:
        line = getattr(fault, "lineno", 0) or 0
        if "encoding" in str(fault):
            raise Refused(NO_SUCH_ENCODING, Place(line=line, file=file)) from fault
        raise Refused(
            N_("The XML cannot be read: %(why)s"), Place(line=line, file=file), why=str(fault)[:200]
        ) from fault
    dtd = root.getroottree().docinfo.internalDTD
    if dtd is not None and any(True for _ in dtd.iterentities()):
        raise Refused(
            N_("The XML declares entities of its own (in its DOCTYPE), which is not accepted. Remove them."),
            Place(file=file),
        )
    return root
