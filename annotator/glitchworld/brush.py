"""The few strokes that everything is drawn with: figures, mixtures, pictures put at a place. Whole numbers only."""

import cv2
import numpy as np

SHIFT = 4  # bits behind the point in OpenCV's coordinates

cv2.setNumThreads(1)
if hasattr(cv2, "ipp"):
    cv2.ipp.setUseIPP(False)  # chooses its code by the processor


def blend(under, over, alpha):
    """under and over mixed into under, alpha of 256 parts over; all uint8 of one shape."""
    mixed = under.astype(np.uint16) * np.uint16(256 - alpha) + over.astype(np.uint16) * np.uint16(alpha)
    under[:] = (mixed >> 8).astype(np.uint8)


def veil(colour, alpha):
    """What `blend` with one colour makes of every value, as a table (1, 256, 3) for `cv2.LUT`."""
    values = np.arange(256, dtype=np.uint16)[:, None] * np.uint16(256 - alpha)
    return ((values + np.array(colour, dtype=np.uint16) * np.uint16(alpha)) >> 8).astype(np.uint8)[None]


def draw(target, figure, points, scale, tint=None, flat=None):
    """Draw a figure whose points are int32 in fixed point; `tint` is mixed into its colours, `flat` replaces them."""
    for part in figure.parts:
        line = points[part.start : part.end]
        colour = flat if flat is not None else part.colour
        if tint is not None:
            colour = tuple((channel + 3 * other) // 4 for channel, other in zip(colour, tint, strict=True))
        if part.width:
            cv2.polylines(target, [line], False, colour, max(1, round(part.width * scale)), cv2.LINE_AA, SHIFT)
        else:
            cv2.fillPoly(target, [line], colour, cv2.LINE_AA, SHIFT)
            if part.edge and flat is None and tint is None:
                cv2.polylines(target, [line], True, part.edge, max(1, round(2.2 * scale)), cv2.LINE_AA, SHIFT)


def paste(canvas, image, x, y):
    """Put an image at a place of the canvas, clipped."""
    x0, y0 = max(0, x), max(0, y)
    x1, y1 = min(canvas.shape[1], x + image.shape[1]), min(canvas.shape[0], y + image.shape[0])
    if x0 < x1 and y0 < y1:
        canvas[y0:y1, x0:x1] = image[y0 - y : y1 - y, x0 - x : x1 - x]
