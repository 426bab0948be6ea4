"""Look into a file with PyAV, in a process of its own with little memory and time: `python -m annotator.ingest.probe PATH`.

Prints one JSON object, {"refused": code, "numbers": {...}} or the facts ingest needs (see `facts`). No Django
here, no network: only the protocol `file` and plain video containers are allowed. All packets are read, one picture decoded.
"""

import argparse
import json
import math
import resource
import sys
from fractions import Fraction

from annotator.ingest import sniff

# Demuxers of plain video containers; nothing here opens another file or address by itself.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,mpegts,mpeg,mpegvideo,asf,ogg"
PROTOCOLS = "file"
MEMORY_BYTES = 2 * 1024**3
CPU_S = 60
HIGHEST_RATE = Fraction(60)
_USUAL_RATES = [
    Fraction(rate) for rate in ("12", "15", "24000/1001", "24", "25", "30000/1001", "30", "48", "50", "60000/1001", "60")
]
_PICTURES = {"mjpeg", "png", "bmp", "gif", "webp", "tiff"}
_DECODE_TRIES = 300


class Refusal(Exception):
    def __init__(self, code, **numbers):
        self.code = code
        self.numbers = numbers


def constant_rate(average):
    """The proxy's frame rate for a source's average rate: exact, at most 60, and a usual one where it is within 0.1 %."""
    rate = min(Fraction(average), HIGHEST_RATE)
    near = min(_USUAL_RATES, key=lambda usual: abs(usual - rate))
    if abs(near - rate) <= near / 1000:
        return near
    return max(rate.limit_denominator(1001), Fraction(1))


def _video_stream(container):
    """The stream to show: the default one, never cover art."""
    from av.stream import Disposition

    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        raise Refusal("audio_only" if container.streams.audio else "no_video")
    stream = next((s for s in streams if s.disposition & Disposition.default), streams[0])
    if stream.metadata.get("enc_key_id"):
        raise Refusal("encrypted")
    if stream.codec_context is None:
        raise Refusal("unknown_codec", what="?")
    return stream


def _check_size(width, height, max_pixels):
    if width * height > max_pixels:
        raise Refusal("too_many_pixels", width=width, height=height, limit=max_pixels)


def _walk(container, stream, *, max_s):
    """Read all packets; decode until the first picture. Returns (picture, packets, first pts, end of the last, seconds)."""
    import av

    picture, count, first, last, end = None, 0, None, None, None
    for packet in container.demux(stream):
        if packet.size:
            count += 1
            if packet.pts is not None:
                first = packet.pts if first is None else min(first, packet.pts)
                last = packet.pts if last is None else max(last, packet.pts)
                end = max(end or 0, packet.pts + (packet.duration or 0))
                if (last - first) * stream.time_base > max_s + 1:
                    raise Refusal("too_long", limit_s=max_s)
        if picture is None and count <= _DECODE_TRIES:
            try:
                picture = next(iter(packet.decode()), None)
            except av.FFmpegError:
                continue  # the next packet may start a picture
    return picture, count, first, last, end


def _average_rate(stream, count, first, last):
    if count > 1 and first is not None and last > first:
        return Fraction(count - 1) / ((last - first) * stream.time_base)
    return stream.average_rate or stream.guessed_rate or Fraction(25)


def _seconds(container, stream, average, count, first, last, end):
    """How long the picture is shown, from the start of the whole file (sound may begin earlier) to the last frame's end."""
    if first is None or last <= first:
        return count / Fraction(average)
    start = first * stream.time_base
    if container.start_time is not None:
        start = min(start, Fraction(container.start_time, 1_000_000))
    return max(end * stream.time_base, last * stream.time_base + 1 / Fraction(average)) - start


def facts(path, *, max_s, max_pixels):
    """{width, height, rotation, fps: [num, den], frames, video, audio}; raises Refusal.

    `frames` is how many the proxy will have, `video` and `audio` are stream indices (audio may be None), width and height
    are those of the shown picture: turned upright, with square pixels.
    """
    found = sniff.look(path)
    if found:
        raise Refusal(found[0], **found[1])
    import av

    options = {"protocol_whitelist": PROTOCOLS, "format_whitelist": FORMATS}
    try:
        container = av.open(f"file:{path}", container_options=options, metadata_errors="replace")
    except av.FFmpegError:
        raise Refusal("unknown_format")
    with container:
        stream = _video_stream(container)
        codec = stream.codec_context
        _check_size(codec.width, codec.height, max_pixels)
        stream.thread_type = "NONE"
        try:
            picture, count, first, last, end = _walk(container, stream, max_s=max_s)
        except av.FFmpegError:
            raise Refusal("truncated")
        if not count:
            raise Refusal("zero_frames")
        if picture is None:
            raise Refusal("broken")
        _check_size(picture.width, picture.height, max_pixels)
        if count == 1:
            raise Refusal("still_image", what=codec.name.upper()) if codec.name in _PICTURES else Refusal("one_frame")
        average = _average_rate(stream, count, first, last)
        fps = constant_rate(average)
        seconds = _seconds(container, stream, average, count, first, last, end)
        if seconds > max_s:
            raise Refusal("too_long", limit_s=max_s)
        rotation = picture.rotation % 360
        width, height = _upright(picture, codec.sample_aspect_ratio, rotation)
        audio = next((s for s in container.streams.audio if s.codec_context is not None and s.codec_context.channels), None)
        return {
            "width": width,
            "height": height,
            "rotation": rotation,
            "fps": [fps.numerator, fps.denominator],
            "frames": max(1, round(seconds * fps)),
            "video": stream.index,
            "audio": audio.index if audio else None,
            "codec": codec.name,
        }


def _upright(picture, sample_aspect, rotation):
    width, height = picture.width, picture.height
    if sample_aspect and 0 < sample_aspect < math.inf:
        width = max(1, round(width * sample_aspect))
    return (height, width) if rotation in (90, 270) else (width, height)


def main(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    parser.add_argument("--max-s", type=float, required=True)
    parser.add_argument("--max-pixels", type=int, required=True)
    options = parser.parse_args(argv)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        answer = facts(options.path, max_s=options.max_s, max_pixels=options.max_pixels)
    except Refusal as refusal:
        answer = {"refused": refusal.code, "numbers": refusal.numbers}
    except MemoryError:
        answer = {"refused": "too_hard", "numbers": {}}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
