"""Files that somebody might upload by mistake or on purpose. Each maker returns the bytes of one."""

import functools
import io
import random
import struct
import tarfile
import wave
import zipfile
import zlib

from PIL import Image

from tests import videos

MARK = "open-sesame-7431"  # stands in the file that nobody may read


def _bytes(maker, *arguments, **options):
    return lambda: maker(*arguments, **options).read_bytes()


# -- text and playlists -------------------------------------------------------------------------------------------------


def texts(secret, address):
    """Text of all sorts that names `secret` (a path) and `address` (host:port)."""
    m3u8 = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{secret}\n#EXT-X-ENDLIST\n"
    mpd = (
        '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S">'
        f"<Period><AdaptationSet mimeType='video/mp4'><Representation id='1' bandwidth='1'><BaseURL>file://{secret}</BaseURL>"
        "</Representation></AdaptationSet></Period></MPD>"
    )
    return {
        "plain text": "Dear diary, this is not a video.\n" * 20,
        "one letter": "x",
        "json": '{"a": 1}',
        "csv": "a,b\n1,2\n",
        "python": "import os\nos.system('true')\n",
        "shell script": "#!/bin/sh\necho hello\n",
        "html": "<!doctype html><script>alert(1)</script>",
        "svg": f'<svg xmlns="http://www.w3.org/2000/svg"><image href="file://{secret}"/></svg>',
        "svg behind an xml head": f'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" href="file://{secret}"/>',
        "xml with an entity": f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file://{secret}">]><a>&b;</a>',
        "m3u8 with file": m3u8,
        "m3u8 with http": m3u8.replace(f"file://{secret}", f"http://{address}/a.ts"),
        "m3u8 with a bare path": m3u8.replace("file://", ""),
        "m3u8 with a key": m3u8.replace("#EXTINF", f'#EXT-X-KEY:METHOD=AES-128,URI="file://{secret}"\n#EXTINF'),
        "m3u8 with a map": m3u8.replace("#EXTINF", f'#EXT-X-MAP:URI="file://{secret}"\n#EXTINF', 1),
        "m3u8 master": f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://{address}/b.m3u8\n",
        "m3u8 behind a byte order mark": "\ufeff" + m3u8,
        "m3u8 behind blank lines": "\n\n  \n" + m3u8,
        "m3u8 in UTF-16": ("\ufeff" + m3u8).encode("utf-16-le"),
        "m3u8 with concat": m3u8.replace(f"file://{secret}", f"concat:file://{secret}|file://{secret}"),
        "m3u8 with subfile": m3u8.replace(f"file://{secret}", f"subfile,,start,0,end,99,,:{secret}"),
        "ffconcat": f"ffconcat version 1.0\nfile '{secret}'\n",
        "concat list": f"file '{secret}'\nfile '{secret}'\n",
        "list of addresses": f"http://{address}/a.mp4\nhttp://{address}/b.mp4\n",
        "mpd": mpd,
        "pls": f"[playlist]\nFile1=file://{secret}\nNumberOfEntries=1\n",
        "sdp": f"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video {address.split(':')[1]} RTP/AVP 96\n",
        "asx": f'<asx version="3.0"><entry><ref href="http://{address}/a.wmv"/></entry></asx>',
        "smil": f'<smil><body><video src="file://{secret}"/></body></smil>',
        "rtsp text": f"RTSPtext\nrtsp://{address}/a\n",
        "asf reference": f"[Reference]\nRef1=http://{address}/a.asf\n",
        "xspf": f'<?xml version="1.0"?><playlist><trackList><track><location>file://{secret}</location></track></trackList></playlist>',
        "ffmetadata": ";FFMETADATA1\ntitle=x\n",
        "subtitles": "1\n00:00:00,000 --> 00:00:02,000\nhello\n",
    }


# -- other kinds of file ------------------------------------------------------------------------------------------------


def image(kind):
    out = io.BytesIO()
    Image.effect_noise((64, 48), 40).convert("RGB").save(out, kind)
    return out.getvalue()


def animated_gif():
    out = io.BytesIO()
    frames = [Image.new("P", (64, 48), n) for n in range(10)]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=100)
    return out.getvalue()


def png_bomb():
    """A PNG that says it has 60000 x 60000 pixels, in a few kilobytes."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60000, 60000, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100_000)) + chunk(b"IEND", b"")
    )


def zip_bomb():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.mp4", b"\0" * 20_000_000)
    return out.getvalue()


def tar():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.add(videos.plain(), "plain.mp4")
    return out.getvalue()


def wav():
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\1" * 8000)
    return out.getvalue()


@functools.cache
def sound(name, *codec):
    path = videos.folder() / name
    videos.ffmpeg("-f", "lavfi", "-i", "sine=d=1", *codec, path)
    return path.read_bytes()


@functools.cache
def sound_with_cover():
    cover = videos.written("cover.jpg", image("JPEG"))
    path = videos.folder() / "song.m4a"
    inputs = ["-f", "lavfi", "-i", "sine=d=1", "-i", cover, "-map", "0", "-map", "1"]
    videos.ffmpeg(*inputs, "-c:a", "aac", "-c:v", "copy", "-disposition:v", "attached_pic", path)
    return path.read_bytes()


OTHERS = {
    "nothing at all": lambda: b"",
    "one byte": lambda: b"\x00",
    "zeros": lambda: b"\x00" * 50_000,
    "noise": lambda: random.Random(1).randbytes(50_000),
    "png": lambda: image("PNG"),
    "jpeg": lambda: image("JPEG"),
    "gif": lambda: image("GIF"),
    "animated gif": animated_gif,
    "bmp": lambda: image("BMP"),
    "webp": lambda: image("WEBP"),
    "tiff": lambda: image("TIFF"),
    "ico": lambda: image("ICO"),
    "heic": lambda: b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + b"\x00" * 500,
    "avif": lambda: b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif" + b"\x00" * 500,
    "png of 60000 x 60000": png_bomb,
    "zip bomb": zip_bomb,
    "tar": tar,
    "gzip": lambda: zlib.compress(b"x" * 1000, wbits=31),
    "7z": lambda: b"7z\xbc\xaf\x27\x1c" + b"\x00" * 500,
    "rar": lambda: b"Rar!\x1a\x07\x01\x00" + b"\x00" * 500,
    "pdf": lambda: b"%PDF-1.7\n1 0 obj<<>>endobj\n",
    "elf": lambda: b"\x7fELF\x02\x01\x01" + b"\x00" * 500,
    "windows program": lambda: b"MZ\x90\x00" + b"\x00" * 500,
    "sqlite": lambda: b"SQLite format 3\x00" + b"\x00" * 500,
    "pickle": lambda: (
        b"\x80\x04\x95\x1e\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x04true\x94\x85\x94R\x94."
    ),
    "wav": wav,
    "mp3": lambda: sound("a.mp3", "-c:a", "mp3"),
    "flac": lambda: sound("a.flac"),
    "m4a": lambda: sound("a.m4a", "-c:a", "aac"),
    "ogg with sound only": lambda: sound("a.ogg", "-c:a", "libopus"),
    "mkv with sound only": lambda: sound("a.mka", "-c:a", "aac"),
    "mp4 with sound only": lambda: sound("sound.mp4", "-c:a", "aac"),
    "song with a cover picture": sound_with_cover,
}


# -- broken and lying videos --------------------------------------------------------------------------------------------


def box(kind, *parts):
    payload = b"".join(parts)
    return struct.pack(">I", 8 + len(payload)) + kind + payload


def cut(path, share):
    data = path.read_bytes()
    return data[: int(len(data) * share)]


def patched(path, mark, offset, new, *, last=False):
    """The file with bytes replaced at `offset` behind the first (or last) place where `mark` stands."""
    data = bytearray(path.read_bytes())
    at = (data.rindex(mark) if last else data.index(mark)) + offset
    data[at : at + len(new)] = new
    return bytes(data)


def flipped(path, seed, share, *, first=0, last=None):
    """The file with a share of its bytes between two places turned over."""
    data, chance = bytearray(path.read_bytes()), random.Random(seed)
    end = len(data) if last is None else min(last, len(data))
    for _ in range(max(1, int((end - first) * share))):
        data[chance.randrange(first, end)] ^= chance.randrange(1, 256)
    return bytes(data)


def faststart():
    return videos.lavfi("fast.mp4", "-c:v", "libx264", "-preset", "ultrafast", "-movflags", "+faststart")


def webm():
    return videos.lavfi("hostile.webm", "-c:v", "libvpx")


def avi():
    return videos.lavfi("hostile.avi", "-c:v", "mpeg4")


def raw_avi():
    return videos.lavfi("raw.avi", "-c:v", "rawvideo", "-pix_fmt", "bgr24", source="testsrc2=s=64x48:r=5:d=1")


def no_samples():
    data = videos.lavfi("frag2.mp4", "-c:v", "libx264", "-movflags", "frag_keyframe+empty_moov").read_bytes()
    return data[: data.index(b"moof") - 4]


def one_frame():
    return videos.lavfi("one.mp4", "-c:v", "libx264", "-frames:v", "1").read_bytes()


def wide():
    return videos.lavfi("wide-bomb.avi", "-c:v", "mpeg4", source="color=s=6000x4000:r=2:d=1").read_bytes()


def external(secret):
    """A MOV whose picture data lies, it says, in another file."""
    reference = box(b"url ", b"\x00\x00\x00\x00", f"file://{secret}".encode(), b"\x00")
    data = videos.plain().read_bytes()
    at = data.index(b"url \x00\x00\x00\x01") - 4
    grown = len(reference) - 12
    out = bytearray(data[:at] + reference + data[at + 12 :])
    for kind in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        place = bytes(out).rindex(kind, 0, at) - 4
        size = struct.unpack(">I", out[place : place + 4])[0]
        out[place : place + 4] = struct.pack(">I", size + grown)
    return bytes(out)


def alias(secret):
    """The same with a Macintosh alias record, which is what MOV readers follow."""
    return external(secret).replace(b"url \x00\x00\x00\x00", b"alis\x00\x00\x00\x00")


def avi_with_playlist(secret):
    """An AVI with a text chunk (GAB2 subtitles) that holds a playlist: a well-known way to read files of a server."""
    text = f"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1.0,\nfile://{secret}\n#EXT-X-ENDLIST\n".encode()
    chunk = b"GAB2\x00\x02\x00" + b"\x00" * 8 + b"\x04\x00" + struct.pack("<I", len(text)) + text
    data = bytearray(avi().read_bytes())
    data += b"01sb" + struct.pack("<I", len(chunk)) + chunk
    data[4:8] = struct.pack("<I", len(data) - 8)
    return bytes(data)


def endless_boxes():
    return box(b"ftyp", b"isom\0\0\0\0") + box(b"moov", box(b"free") * 60_000)


def deep_boxes():
    data = b""
    for _ in range(3000):
        data = box(b"trak", data)
    return box(b"ftyp", b"isom\0\0\0\0") + box(b"moov", data)


HUGE = struct.pack(">I", 0x7FFFFFF0)
VIDEOS = {
    **{f"mp4 cut at {share:.1%}": lambda share=share: cut(videos.plain(), share)
       for share in (0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.999)},
    **{f"mp4 with its index first, cut at {share:.0%}": lambda share=share: cut(faststart(), share)
       for share in (0.02, 0.1, 0.3, 0.6, 0.9, 0.99)},
    **{f"webm cut at {share:.0%}": lambda share=share: cut(webm(), share) for share in (0.01, 0.1, 0.5, 0.9)},
    **{f"avi cut at {share:.0%}": lambda share=share: cut(avi(), share) for share in (0.01, 0.1, 0.5, 0.9)},
    **{f"mp4 with flipped bytes everywhere {seed}": lambda seed=seed: flipped(videos.plain(), seed, 0.02)
       for seed in range(4)},
    **{f"mp4 with flipped bytes in its index {seed}": lambda seed=seed: flipped(faststart(), seed, 0.01, first=40, last=1200)
       for seed in range(6)},
    **{f"webm with flipped bytes {seed}": lambda seed=seed: flipped(webm(), seed, 0.01) for seed in range(3)},
    **{f"avi with flipped bytes {seed}": lambda seed=seed: flipped(avi(), seed, 0.01) for seed in range(3)},
    "only ftyp": lambda: box(b"ftyp", b"isom\0\0\0\0isom"),
    "mp4 without an index": lambda: box(b"ftyp", b"isom\0\0\0\0isom") + box(b"mdat", b"\x55" * 5000),
    "empty moov": lambda: box(b"ftyp", b"isom\0\0\0\0isom") + box(b"moov"),
    "sixty thousand boxes": endless_boxes,
    "boxes three thousand deep": deep_boxes,
    "box of size one": lambda: box(b"ftyp", b"isom\0\0\0\0") + b"\x00\x00\x00\x01moov",
    "box larger than any file": lambda: box(b"ftyp", b"isom\0\0\0\0") + struct.pack(">I", 1) + b"moov" + b"\xff" * 8,
    "no samples": no_samples,
    "one frame": one_frame,
    "sample table of two thousand million": lambda: patched(faststart(), b"stsz", 12, HUGE),
    "time table of two thousand million": lambda: patched(faststart(), b"stts", 8, HUGE),
    "a frame that lasts for days": lambda: patched(faststart(), b"stts", 16, HUGE),
    "duration of years": lambda: patched(faststart(), b"mvhd", 20, HUGE),
    "timescale of zero": lambda: patched(faststart(), b"mdhd", 16, b"\0\0\0\0"),
    "6000 x 4000": wide,
    "avi that says 60000 x 60000": lambda: patched(raw_avi(), b"strf", 12, struct.pack("<ii", 60000, 60000)),
    "avi that says a negative size": lambda: patched(raw_avi(), b"strf", 12, struct.pack("<ii", -5, -5)),
    "webm that says 16000 x 16000": lambda: patched(webm(), b"\xb0\x81\xc0\xba\x81\x6c", 0, b"\xb0\x82\x3e\x80\xba\x81"),
    "unknown codec": lambda: patched(faststart(), b"avc1", 0, b"zzz1", last=True),
    "encrypted": lambda: videos.encrypted().read_bytes(),
    "jpeg behind an mp4": lambda: image("JPEG") + videos.plain().read_bytes(),
    "mp4 behind a zip": lambda: zip_bomb() + videos.plain().read_bytes(),
}  # fmt: skip


# -- names --------------------------------------------------------------------------------------------------------------

NAMES = {
    "newline": "a\nb.mp4",
    "carriage return and header": "a\r\nX-Evil: 1\r\n.mp4",
    "option": "-i",
    "long option": "--help.mp4",
    "option with value": "-f lavfi -i testsrc.mp4",
    "parent folders": "../../../../etc/passwd",
    "parent folders backwards": "..\\..\\windows\\system32\\evil.mp4",
    "absolute": "/etc/cron.d/evil.mp4",
    "NUL": "a\x00.mp4",
    "escape codes": "\x1b[31mred\x07.mp4",
    "Chinese": "游戏穿模.mp4",
    "right to left": "\u202egpm.exe\u202c.mp4",
    "Arabic": "مقطع.mp4",
    "emoji": "🎮🚗💥.mp4",
    "half a surrogate": "\udc80.mp4",
    "300 characters": "x" * 296 + ".mp4",
    "5000 characters": "y" * 5000 + ".mp4",
    "dot": ".",
    "two dots": "..",
    "only a suffix": ".mp4",
    "blanks": "   ",
    "semicolon": "a;rm -rf ~.mp4",
    "substitution": "$(touch pwned).mp4",
    "backquotes": "`id`.mp4",
    "pipe": "|cat /etc/passwd",
    "percent": "%2e%2e%2fetc%2fpasswd %s %n %d.mp4",
    "address": "http://169.254.169.254/latest.mp4",
    "file address": "file:///etc/passwd",
    "concat address": "concat:a.mp4|b.mp4",
    "markup": "<img src=x onerror=alert(1)>.mp4",
    "template": "{{ 7|add:7 }}{% debug %}.mp4",
    "quotes": "a\"b'c.mp4",
    "device": "con.mp4",
    "html suffix": "page.html",
    "php suffix": "a.mp4.php",
    "image pattern": "frame%03d.mp4",
}
