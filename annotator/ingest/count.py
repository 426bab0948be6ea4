"""Count the proxy's frames once, by reading packets without decoding, and make sure that frame n lies at n / fps."""

from fractions import Fraction

from annotator.ingest.refusals import Refused


def count(path, fps):
    """{frames, width, height, has_audio} of a proxy; Refused unless its frames are at exactly n / fps."""
    import av

    with av.open(f"file:{path}") as container:
        stream = container.streams.video[0]
        times = sorted(packet.pts for packet in container.demux(stream) if packet.size)
        step = 1 / Fraction(fps)
        if any(pts * stream.time_base != n * step for n, pts in enumerate(times)):
            raise Refused("not_constant")
        return {
            "frames": len(times),
            "width": stream.codec_context.width,
            "height": stream.codec_context.height,
            "has_audio": bool(container.streams.audio),
        }
