"""The order of a still picture's tokens: the whole picture first, then its tiles row by row."""

import torch
from transformers.image_processing_utils import select_best_resolution


def unpadded(size, height, width):
    """Which rows and columns of a grid (height, width) show the picture of `size` (height, width), as two slices.

    The picture was scaled to fit the grid and centred; the rest is border.
    """
    picture_height, picture_width = size
    if picture_width / picture_height > width / height:
        shown = int(round(picture_height * width / picture_width, 7))
        border = (height - shown) // 2
        return slice(border, height - border), slice(None)
    shown = int(round(picture_width * height / picture_height, 7))
    border = (width - shown) // 2
    return slice(None), slice(border, width - border)


def pack_tiles(tiles, newline, size, config):
    """Tokens (n, hidden) of one picture from its pooled tiles (tiles, g, g, hidden).

    One tile: its tokens and one newline. Several: the first is the whole picture, without newline; the others are put
    side by side, cropped to the picture's shape, with one newline after each row. size is the picture's height and width.
    """
    whole, rest = tiles[0].flatten(0, 1), tiles[1:]
    if not len(rest):
        return torch.cat([whole, newline[None].to(whole.dtype)])
    if size is None:
        raise ValueError("A picture of several tiles needs image_sizes, its height and width in pixels.")
    height, width = select_best_resolution([int(n) for n in size], config.image_grid_pinpoints)
    across, down = width // config.vision_config.image_size, height // config.vision_config.image_size
    if across * down != len(rest):
        raise ValueError(f"A picture of {tuple(size)} pixels has {down} x {across} tiles, but {len(rest)} were given.")
    grid = rest.unflatten(0, (down, across)).transpose(1, 2).flatten(2, 3).flatten(0, 1)
    rows, columns = unpadded([int(n) for n in size], *grid.shape[:2])
    grid = grid[rows, columns]
    ends = newline.to(grid.dtype).expand(len(grid), 1, -1)
    return torch.cat([whole, torch.cat([grid, ends], dim=1).flatten(0, 1)])
