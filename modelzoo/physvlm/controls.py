"""What a control shows in place of a clip. Needs no torch."""

import numpy as np

CONTROLS = ("none", "blind", "one_frame", "shuffled_frames")


def dealer(clip_id):
    """Random numbers that depend on the clip alone: every model and process gets the same shuffled frames."""
    return np.random.default_rng([7, *clip_id.encode()])


def controlled(pixels, control, *, random):
    """The frames of one clip, (T, 3, H, W) bytes, as a control shows them."""
    if control == "blind":
        return np.full_like(pixels, 128)
    if control == "one_frame":
        return np.repeat(pixels[len(pixels) // 2][None], len(pixels), axis=0)
    if control == "shuffled_frames":
        return pixels[random.permutation(len(pixels))]
    return pixels


def numbers_shown(numbers, control, *, random):
    """Which of the frames with these numbers a control shows, None for none."""
    if control == "blind":
        return None
    if control == "one_frame":
        return [numbers[len(numbers) // 2]]
    if control == "shuffled_frames":
        return [numbers[place] for place in random.permutation(len(numbers))]
    return numbers
