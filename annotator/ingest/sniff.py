"""What a file is by its first bytes, before any decoder sees it. Pure Python: the web process uses it too.

`look(path)` gives None for what may be a video, else (refusal code, {numbers}); codes are in refusals.py.
"""

import struct
from pathlib import Path

_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"8BPS", "PSD"),
    (b"\x00\x00\x01\x00", "ICO"),
    (b"qoif", "QOI"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
)
_OTHERS = (
    (b"PK\x03\x04", "archive"),
    (b"PK\x05\x06", "archive"),
    (b"\x1f\x8b", "archive"),
    (b"BZh", "archive"),
    (b"\xfd7zXZ\x00", "archive"),
    (b"7z\xbc\xaf\x27\x1c", "archive"),
    (b"Rar!\x1a\x07", "archive"),
    (b"\x28\xb5\x2f\xfd", "archive"),
    (b"\x7fELF", "program"),
    (b"MZ", "program"),
    (b"\xca\xfe\xba\xbe", "program"),
    (b"%PDF-", "document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "document"),
    (b"SQLite format 3\x00", "document"),
)
_SOUNDS = (b"ID3", b"fLaC", b"MThd", b"\xff\xfb", b"\xff\xf3", b"\xff\xf1", b"\xff\xf9", b"caff", b"#!AMR")
_PLAYLISTS = (
    ("#extm3u", "M3U8"),
    ("ffconcat", "ffconcat"),
    ("[playlist]", "PLS"),
    ("[reference]", "ASX"),
    ("<asx", "ASX"),
    ("<smil", "SMIL"),
    ("<mpd", "MPEG-DASH"),
    ("rtsptext", "RTSP"),
    ("v=0\n", "SDP"),
    ("v=0\r\n", "SDP"),
    ("# mkvmerge", "mkvmerge"),
)
_IMAGE_BRANDS = {b"avif": "AVIF", b"avis": "AVIF", b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF", b"msf1": "HEIF"}


def look(path):
    """None if the file may be a video; else (code, numbers)."""
    size = Path(path).stat().st_size
    if size == 0:
        return "empty", {}
    with open(path, "rb") as file:
        head = file.read(4096)
        text = None if head.startswith(b"%PDF-") else _as_text(head)
        if text is not None:
            return _look_at_text(text)
        if head[4:8] == b"ftyp" and head[8:12] in _IMAGE_BRANDS:
            return "still_image", {"what": _IMAGE_BRANDS[head[8:12]]}
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return "still_image", {"what": "WebP"}
        if head[:4] == b"RIFF" and head[8:12] == b"WAVE" or head.startswith(_SOUNDS):
            return "audio_only", {}
        for magic, what in _IMAGES:
            if head.startswith(magic):
                return "still_image", {"what": what}
        for magic, what in _OTHERS:
            if head.startswith(magic):
                return "not_video", {"what": what}
        if head[4:8] in _TOP_BOXES:
            return _look_at_boxes(file, size)
        if head.startswith(b"\x1aE\xdf\xa3"):
            return _look_at_matroska(head, size)
        if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
            length = struct.unpack("<I", head[4:8])[0]
            if length != 0xFFFFFFFF and length + 8 > size + 1:  # the last byte may be padding that was left out
                return "truncated", {}
    return None


def _as_text(head):
    """The head as lower-case text, or None for binary data."""
    for bom, encoding in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if head.startswith(bom):
            return head[len(bom) :].decode(encoding, "replace").lower()
    if b"\x00" in head:
        return None
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # only a character cut in two at the end is forgiven
            return None
        text = head[: error.start].decode()
    strange = sum(1 for character in text if ord(character) < 32 and character not in "\t\n\r\f")
    return None if strange > len(text) // 50 else text.lower()


def _look_at_text(text):
    start = text.lstrip()
    for mark, what in _PLAYLISTS:
        if start.startswith(mark):
            return "playlist", {"what": what}
    if start.startswith("<svg") or "<svg" in start and start.startswith(("<?xml", "<!doctype")):
        return "still_image", {"what": "SVG"}
    if start.startswith(("<?xml", "<!--")):
        for mark, what in _PLAYLISTS:
            if mark.startswith("<") and mark in start:
                return "playlist", {"what": what}
        return "not_video", {"what": "xml"}
    if start.startswith(("<!doctype html", "<html")):
        return "not_video", {"what": "html"}
    lines = [line.strip() for line in start.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if lines and lines[0].startswith(("file ", "file:", "http://", "https://", "rtsp://", "rtmp://", "concat:")):
        return "playlist", {"what": "list"}
    return "text", {}


_TOP_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid", b"styp", b"moof", b"sidx"}
_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl"}
_PROTECTED = {b"encv", b"drmi"}
_MOST_BOXES = 20_000
_DEEPEST_BOX = 10


def _boxes(file, start, end):
    """Yield (type, start of the payload, end) of the MP4 boxes from `start` on; the last may say it ends beyond `end`."""
    position = start
    while position + 8 <= end:
        file.seek(position)
        header = file.read(16)
        if len(header) < 8:
            return
        size, kind = struct.unpack(">I4s", header[:8])
        payload = position + 8
        if size == 1 and len(header) == 16:
            size = struct.unpack(">Q", header[8:])[0]
            payload = position + 16
        elif size == 0:
            size = end - position
        if size < payload - position:
            return
        yield kind, payload, position + size
        position += size


def _look_at_boxes(file, size):
    """An MP4 or MOV that is cut off, encrypted, or whose pictures lie in another file."""
    state = {"left": _MOST_BOXES, "moov": False, "handler": b""}
    for kind, payload, end in _boxes(file, 0, size):
        if kind not in _TOP_BOXES:
            break  # whatever follows a complete movie is not our business
        if end > size:
            return "truncated", {}
        if kind == b"moov":
            state["moov"] = True
            found = _look_inside(file, payload, end, state)
            if found:
                return found
    return None if state["moov"] else ("truncated", {})


def _look_inside(file, start, end, state, depth=1):
    if depth > _DEEPEST_BOX:
        return "broken", {}
    for kind, payload, box_end in _boxes(file, start, end):
        state["left"] -= 1
        if state["left"] < 0:
            return "too_hard", {}
        if box_end > end:
            return "broken", {}
        if kind in _CONTAINERS:
            found = _look_inside(file, payload, box_end, state, depth + 1)
            if found:
                return found
        elif kind == b"hdlr":
            file.seek(payload + 4)
            maker, handler = file.read(4), file.read(4)
            if maker != b"dhlr":  # QuickTime's second kind of handler, about the data and not about the track
                state["handler"] = handler
        elif kind == b"stsd":
            for entry, _payload, _end in _boxes(file, payload + 8, box_end):
                if entry in _PROTECTED:
                    return "encrypted", {}
        elif kind == b"dref" and state["handler"] == b"vide":
            for _entry, entry_payload, _end in _boxes(file, payload + 8, box_end):
                file.seek(entry_payload)
                flags = file.read(4)
                if len(flags) == 4 and not flags[3] & 1:  # bit 0: the media is in this same file
                    return "external", {}
    return None


def _varint(data, position):
    """An EBML number at `position`: (value or None for "unknown", next position)."""
    first = data[position]
    length = 9 - first.bit_length()
    if first == 0 or position + length > len(data):
        return None, len(data)
    unknown = (1 << (7 * length)) - 1
    value = int.from_bytes(data[position : position + length], "big") & unknown
    return (None if value == unknown else value), position + length


def _look_at_matroska(head, size):
    """A Matroska or WebM file whose segment says it is longer than the file."""
    position = 4
    header, position = _varint(head, position)
    position += header or 0
    if position + 12 > len(head) or head[position : position + 4] != b"\x18\x53\x80\x67":
        return None
    length, position = _varint(head, position + 4)
    return ("truncated", {}) if length is not None and position + length > size else None
