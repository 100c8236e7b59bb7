"""Bodies of HTTP answers: unpacked as far as they may be long, and read in the charset they are really in.

A service is a stranger: a kilobyte may unpack into a gigabyte, and a charset's name may lead to a codec that takes
minutes. So what is unpacked is counted while it is, and only codecs that are linear and written in C are used.
"""

from __future__ import annotations

import codecs
import re
import zlib

_GZIP = zlib.MAX_WBITS | 16
_RAW = -zlib.MAX_WBITS


class TooLongError(ValueError):
    """A body is longer than it may be."""


class Unpacker:
    """Unpacks a body part by part.

    Args:
        packing: The value of `Content-Encoding`.
        limit: How long the body may be, in bytes, packed and unpacked.

    Raises:
        ValueError: It is packed in another way than gzip or deflate, or more than once.
    """

    PACKINGS = ("gzip", "deflate")

    def __init__(self, packing: str, limit: int) -> None:
        name = packing.strip().lower().removeprefix("x-") or "identity"
        if name not in ("identity", *self.PACKINGS):
            known = " or ".join(self.PACKINGS)
            raise ValueError(f"it is packed as {packing.strip()!r}; without packing, or as {known}, it can be read")
        self._name = name
        self._limit = limit
        self._came = self._gave = 0
        self._begin = b""  # until the header of the packing is known
        self._inner: zlib._Decompress | None = None

    @property
    def is_packed(self) -> bool:
        """Whether unpacking takes time."""
        return self._name != "identity"

    def feed(self, part: bytes) -> bytes:
        """Unpack a part.

        Raises:
            TooLongError: The body is too long.
            zlib.error: It is not packed so.
        """
        self._came += len(part)
        self._require_room(self._came)
        found = self._unpacked(part) if self.is_packed else part
        self._gave += len(found)
        return found

    def end(self) -> None:
        """Check that nothing is missing; a body without a byte is whole.

        Raises:
            ValueError: It is cut off.
        """
        if self.is_packed and self._came and (self._inner is None or not self._inner.eof):
            raise ValueError(f"packed as {self._name}, it is cut off")

    def _require_room(self, size: int) -> None:
        if size > self._limit:
            raise TooLongError(f"it is longer than {self._limit} bytes")

    def _unpacked(self, part: bytes) -> bytes:
        part = self._begin + part
        if self._inner is None and len(part) < 2:
            self._begin = part
            return b""
        self._begin = b""
        found = bytearray()
        while part:
            if self._inner is None or self._inner.eof:
                if self._inner is not None and not self._follows(part):
                    break
                self._inner = zlib.decompressobj(self._header(part))
            found += self._inner.decompress(part, self._limit - self._gave - len(found) + 1)
            self._require_room(self._gave + len(found))
            part = self._inner.unconsumed_tail or self._inner.unused_data
        return bytes(found)

    def _follows(self, rest: bytes) -> bool:
        """Whether another member of a gzip file follows; zeros and the like fill blocks and are no data."""
        return self._name == "gzip" and rest[:1] == b"\x1f"

    def _header(self, part: bytes) -> int:
        """The form of the packing: "deflate" is meant to have zlib's header, and often has none."""
        if self._name == "gzip":
            return _GZIP
        has_header = part[0] & 0x0F == 8 and int.from_bytes(part[:2]) % 31 == 0
        return zlib.MAX_WBITS if has_header else _RAW


# --- text ---

_CODECS: dict[str, str] = {
    **dict.fromkeys(("utf-8", "utf8", "utf8mb4"), "utf-8"),
    **dict.fromkeys(("utf-16", "utf-16le", "ucs-2", "unicode"), "utf-16-le"),
    "utf-16be": "utf-16-be",
    "utf-32": "utf-32-le",
    "utf-32le": "utf-32-le",
    "utf-32be": "utf-32-be",
    **dict.fromkeys(("gb2312", "gbk", "gb18030", "cp936", "x-gbk", "gb-2312-80", "euc-cn", "chinese"), "gb18030"),
    **dict.fromkeys(("big5", "big5-hkscs", "cp950", "x-x-big5"), "big5hkscs"),
    **dict.fromkeys(("shift-jis", "sjis", "cp932", "windows-31j", "ms-kanji"), "cp932"),
    **dict.fromkeys(("euc-jp", "eucjp", "x-euc-jp"), "euc_jp"),
    **dict.fromkeys(("euc-kr", "cp949", "ks-c-5601-1987", "korean"), "cp949"),
    **dict.fromkeys(("iso-8859-1", "iso8859-1", "latin1", "latin-1", "ascii", "us-ascii", "cp1252"), "cp1252"),
    **{f"iso-8859-{n}": f"iso8859-{n}" for n in (*range(2, 12), 13, 14, 15, 16)},
    **{f"windows-125{n}": f"cp125{n}" for n in range(9)},
    "koi8-r": "koi8-r",
    "koi8-u": "koi8-u",
    "tis-620": "cp874",
    "ibm866": "cp866",
    "macintosh": "mac-roman",
}
"""Labels of charsets, and the codec that reads what bears them: a superset where the label often lies."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_META = re.compile(rb"""<meta\s[^>]{0,200}?charset\s{0,9}=\s{0,9}["']?([\w-]{1,40})""", re.IGNORECASE)
_ONE_BYTE = ("cp125", "iso8859", "koi8", "cp8", "mac")


def text_of_body(body: bytes, content_type: str = "") -> str:
    """Read a body as text: by its byte order mark, else by its label, else as UTF-8.

    JSON is UTF-8 whatever a label of one byte per character says, if it can be. A page without a label is read as its
    `<meta>` says, other plain text that is no UTF-8 as Windows-1252, as browsers do.

    Raises:
        ValueError: It is no text in any of these.
    """
    for mark, codec in _BOMS:
        if body.startswith(mark):
            return _decoded(body[len(mark) :], [codec])
    kind, _, options = content_type.partition(";")
    label = _label(options)
    named = _CODECS.get(label)
    if named is None and "html" in kind.lower() and (meta := _META.search(body[:2048])):
        named = _CODECS.get(meta[1].decode().lower().replace("_", "-"))
    is_plain = kind.strip().lower().startswith("text/") and not label
    tried = [named or "utf-8", "utf-8", *(["cp1252"] if is_plain else [])]
    if "json" in kind.lower() and (named or "").startswith(_ONE_BYTE):
        tried.insert(0, "utf-8")
    return _decoded(body, tried)


def _label(options: str) -> str:
    for option in options.split(";"):
        name, _, value = option.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip("\"'").lower().replace("_", "-")
    return ""


def _decoded(body: bytes, codecs_: list[str]) -> str:
    for codec in dict.fromkeys(codecs_):
        try:
            return body.decode(codec)
        except UnicodeDecodeError:
            continue
    raise ValueError(f"it is no text in {' or '.join(dict.fromkeys(codecs_))}")
