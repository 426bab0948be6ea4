"""Data: URLs to the frames that the model is shown."""

import base64
import binascii
import io
import re
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from modelzoo.physvlm.frames import fit_frame
from modelzoo.physvlm.serving.limits import Refused

_HEAD = re.compile(r"data:[\w.+/;=-]{0,100},", re.IGNORECASE)
_FORMATS = ("JPEG", "PNG", "WEBP")


@dataclass(frozen=True)
class Seen:
    """pixels (T,3,S,S) of bytes; which frames of the video they are and when they are shown, None for pictures."""

    pixels: np.ndarray
    numbers: list | None = None
    seconds: list | None = None


def bytes_of(url, at):
    """The content of a data: URL in base64."""
    head = _HEAD.match(url)
    if head is None or not head[0].lower().endswith(";base64,"):
        raise Refused("The data: URL must hold base64: data:image/png;base64,…", param=at, code="invalid_data_url")
    try:
        found = base64.b64decode(url[head.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise Refused("The data: URL does not hold valid base64.", param=at, code="invalid_data_url") from None
    if not found:
        raise Refused("The data: URL is empty.", param=at, code="invalid_data_url")
    return found


def picture_of(data, at, *, size, most_pixels):
    """One picture as bytes (3,size,size)."""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > most_pixels:
                raise Refused(
                    f"The picture has {image.width} x {image.height} pixels; at most {most_pixels} are taken.",
                    param=at, code="image_too_large",
                )  # fmt: skip
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except Refused:
        raise
    except Exception:  # what a decoder raises on hostile bytes is no closed list
        names = ", ".join(_FORMATS[:-1])
        raise Refused(
            f"The picture cannot be read; send {names} or {_FORMATS[-1]}.", param=at, code="invalid_image"
        ) from None
    return np.ascontiguousarray(fit_frame(np.asarray(upright), size).transpose(2, 0, 1))


def spread(pictures, wanted):
    """As many frames as the model is used to: fewer pictures are each shown for longer, more are left as they are."""
    if len(pictures) >= wanted:
        return pictures
    return [pictures[place * len(pictures) // wanted] for place in range(wanted)]


def seen_of(media, *, frames, size, limits, read_video):
    """`Seen` of a request's media [(kind, url, where)], None without any. `read_video(bytes, frames=, size=)` -> `Seen`."""
    if not media:
        return None
    kind, url, at = media[0]
    if kind == "video":
        try:
            return read_video(bytes_of(url, at), frames=frames, size=size)
        except Refused as refusal:
            refusal.param = refusal.param or at
            raise
    pictures = [picture_of(bytes_of(url, at), at, size=size, most_pixels=limits.picture_pixels) for _kind, url, at in media]
    return Seen(np.stack(spread(pictures, frames)))
