"""A heat map as pictures and as words.

    frames   the squares that the model saw, side by side
    heat     the same squares, transparent where a patch had an even share or less and bright where it counted most; twice:
             above, one scale for all frames, below, each frame by its own

`figures` say what the colours stand for. A weight of 1 is what a patch has where all of its window count the same.
"""

import io

SIDE = 240  # pixels of a square
QUALITY = 85
EVEN = 1.0
SCALES = 2  # rows of `heat_image`
FLAT = 0.02  # more than an even share by less than this is no preference
_COLOURS = ((70, 20, 110), (190, 40, 90), (245, 130, 30), (255, 240, 120))  # from little to much
_MOST_ALPHA = 0.85


def figures(weights):
    """{grid, low, high, flat, scales, frames: [{most, row, column}]} of weights: [[[number or None]]] of frames,
    rows, columns.
    """
    known = [value for frame in weights for line in frame for value in line if value is not None]
    low, high = min(known), max(known)
    frames = []
    for frame in weights:
        places = [
            (value, row, column) for row, line in enumerate(frame) for column, value in enumerate(line) if value is not None
        ]
        if not places:
            frames.append(None)  # a frame that filled no window was not looked at
            continue
        most, row, column = max(places, key=lambda one: one[0])
        frames.append({"most": round(most, 3), "row": row, "column": column})
    flat = high - EVEN < FLAT
    return {"grid": len(weights[0]), "low": low, "high": high, "flat": flat, "scales": SCALES, "frames": frames}


def frames_image(pixels):
    """JPEG of frames (T,3,S,S) of bytes, side by side."""
    import numpy as np
    from PIL import Image

    strip = np.concatenate(list(pixels.transpose(0, 2, 3, 1)), axis=1)
    out = io.BytesIO()
    Image.fromarray(strip).save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def heat_image(weights, *, high):
    """PNG of the weights' colours, as wide as `frames_image`; smooth between the middles of the patches. The upper row is
    scaled to `high`, the lower one to what is highest in each frame.

    The colour goes by the square root of what a weight has above an even share: in most frames the preference is small,
    and would be invisible beside that of the strongest.
    """
    import numpy as np
    from PIL import Image

    def square(above, most):
        scaled = np.sqrt(above / max(most, 1e-9))
        small = Image.fromarray(scaled).resize((SIDE // 2, SIDE // 2), Image.Resampling.BICUBIC)
        return np.clip(np.asarray(small), 0, 1)

    upper, lower = [], []
    for frame in weights:
        grid = np.array([[EVEN if value is None else value for value in line] for line in frame], dtype=np.float32)
        above = np.clip(grid - EVEN, 0, None)
        upper.append(square(above, high - EVEN))
        lower.append(square(above, max(above.max(), FLAT)))  # less is no preference, and is not blown up to one
    strip = np.concatenate([np.concatenate(row, axis=1) for row in (upper, lower)])
    stops = np.linspace(0, 1, len(_COLOURS))
    channels = [np.interp(strip, stops, [colour[channel] for colour in _COLOURS]) for channel in range(3)]
    alpha = 255 * _MOST_ALPHA * strip
    picture = np.stack([*channels, alpha], axis=-1).round().astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(picture, "RGBA").quantize(128, method=Image.Quantize.FASTOCTREE).save(out, "PNG", optimize=True)
    return out.getvalue()
