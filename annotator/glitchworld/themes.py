"""The themes: sprites, palette, textures, physical constants, camera, HUD, particles and how full a scene is.

Colours are (blue, green, red) as OpenCV has them; lengths are world units, one pixel of a 640x360 clip.
"""

from dataclasses import dataclass

COLOURS = {
    "red": (52, 52, 208),
    "blue": (205, 110, 42),
    "green": (70, 160, 60),
    "yellow": (50, 205, 240),
    "orange": (40, 130, 240),
    "purple": (165, 60, 130),
    "white": (238, 238, 238),
    "pink": (180, 130, 245),
    "black": (48, 42, 42),
}


@dataclass(frozen=True)
class Theme:
    name: str
    view: str  # side, or top: seen obliquely from above
    sky: tuple[tuple, tuple]  # top and bottom
    far: str  # what scenery.py draws on the horizon
    far_colours: tuple[tuple, tuple]
    ground: str  # a texture of textures.py
    ground_colour: tuple
    edge_colour: tuple  # of the near edge of the ground
    block: str  # texture of walls and platforms
    block_colour: tuple
    water_colour: tuple
    gravity: float  # units/s²
    restitution: float  # of balls on the ground
    friction: float
    speed: float  # of everything that walks or drives, 1 is usual
    colours: tuple[str, ...]  # the actors may have
    things: tuple[int, int, int]  # weights of ball, crate, barrel
    more_things: tuple[int, int]  # how many beyond the two each scene has, in a wide picture
    cars: float  # chance
    birds: float
    people: tuple[int, int]
    head: str  # what people wear: cap, helmet, hair, hat, hood
    size: float  # of the actors
    post: tuple[str, str]  # what the pole is without and with a lamp
    camera: float  # how fast it follows, 0 stays
    shake: float  # chance of a mild shake
    hud: str
    particles: str
    sun: float  # shadow length per height without a lamp; negative to the left


THEMES = {
    theme.name: theme
    for theme in (
        Theme("meadow", "side", ((226, 176, 112), (240, 226, 200)), "hills", ((120, 175, 120), (96, 160, 108)), "grass",
              (78, 158, 96), (44, 84, 116), "wood", (84, 130, 176), (178, 138, 62), 900, 0.78, 0.8, 1.0,
              ("red", "blue", "orange", "purple", "white", "pink"), (3, 3, 2), (0, 2), 0.3, 0.6, (1, 2), "cap", 1.0,
              ("sign post", "lamp post"), 0.06, 0.15, "hearts", "leaves", 0.5),
        Theme("city", "side", ((92, 66, 58), (140, 128, 196)), "skyline", ((88, 62, 70), (64, 46, 52)), "asphalt",
              (96, 92, 90), (70, 66, 66), "brick", (74, 92, 160), (120, 82, 50), 980, 0.6, 0.9, 1.25,
              ("red", "green", "yellow", "orange", "white", "pink"), (2, 3, 2), (1, 2), 0.8, 0.3, (1, 2), "hair", 0.95,
              ("road sign", "street lamp"), 0.09, 0.25, "radar", "rain", -0.6),
        Theme("factory", "side", ((70, 74, 78), (104, 112, 116)), "pipes", ((86, 96, 104), (62, 70, 80)), "plates",
              (132, 128, 120), (84, 80, 74), "metal", (150, 138, 120), (96, 120, 70), 1050, 0.5, 0.6, 0.9,
              ("red", "blue", "yellow", "orange", "green", "white"), (1, 4, 4), (1, 3), 0.35, 0.15, (1, 2), "helmet", 1.05,
              ("iron pillar", "floodlight"), 0.05, 0.4, "gauge", "sparks", 0.35),
        Theme("desert", "side", ((214, 172, 118), (150, 206, 246)), "mesas", ((96, 148, 214), (78, 122, 192)), "sand",
              (128, 184, 224), (90, 138, 182), "stone", (110, 158, 204), (168, 140, 60), 860, 0.7, 1.0, 1.05,
              ("red", "blue", "green", "purple", "white", "black"), (3, 2, 3), (0, 2), 0.55, 0.5, (1, 2), "hat", 1.0,
              ("wooden post", "oil lantern"), 0.07, 0.1, "compass", "dust", 0.8),
        Theme("snow", "side", ((236, 214, 190), (246, 240, 232)), "peaks", ((214, 190, 170), (190, 160, 140)), "snow",
              (246, 240, 236), (206, 182, 160), "ice", (222, 196, 160), (190, 150, 96), 900, 0.55, 0.18, 0.85,
              ("red", "blue", "green", "orange", "purple", "black"), (3, 3, 1), (0, 2), 0.3, 0.4, (1, 2), "hood", 1.0,
              ("ski pole marker", "lamp post"), 0.06, 0.1, "score", "flakes", -0.45),
        Theme("castle", "side", ((40, 32, 36), (66, 54, 60)), "arches", ((70, 64, 72), (48, 44, 52)), "cobble",
              (98, 98, 108), (62, 60, 70), "stone", (112, 112, 122), (92, 84, 40), 940, 0.65, 0.85, 0.95,
              ("red", "blue", "green", "yellow", "purple", "white"), (2, 3, 4), (1, 2), 0.15, 0.35, (1, 3), "helmet", 1.0,
              ("banner pole", "torch stand"), 0.05, 0.3, "shields", "embers", 0.55),
        Theme("moon", "side", ((24, 14, 10), (52, 34, 30)), "craters", ((108, 100, 96), (86, 78, 74)), "regolith",
              (150, 146, 144), (96, 92, 92), "plates", (176, 168, 160), (140, 90, 90), 300, 0.7, 0.7, 0.8,
              ("red", "blue", "green", "yellow", "orange", "white"), (3, 3, 2), (0, 2), 0.5, 0.2, (1, 2), "helmet", 1.1,
              ("antenna mast", "beacon light"), 0.05, 0.1, "visor", "stars", 1.0),
        Theme("harbour", "side", ((206, 150, 110), (232, 206, 180)), "ships", ((150, 120, 96), (120, 90, 70)), "planks",
              (98, 134, 164), (58, 84, 108), "metal", (88, 110, 190), (150, 104, 52), 920, 0.6, 0.7, 1.1,
              ("red", "green", "yellow", "purple", "white", "black"), (2, 3, 4), (1, 3), 0.45, 0.7, (1, 2), "cap", 0.95,
              ("flag pole", "dock lamp"), 0.1, 0.35, "timer", "spray", -0.3),
        Theme("town", "top", ((90, 150, 140), (90, 150, 140)), "none", ((0, 0, 0), (0, 0, 0)), "paving",
              (150, 164, 172), (104, 112, 118), "brick", (86, 110, 176), (176, 128, 56), 900, 0.65, 0.45, 1.1,
              ("red", "blue", "green", "purple", "orange", "white"), (3, 3, 2), (0, 2), 0.6, 0.4, (1, 3), "hair", 0.9,
              ("road sign", "street lamp"), 0.05, 0.15, "map", "leaves", 0.5),
        Theme("garden", "top", ((90, 170, 110), (90, 170, 110)), "none", ((0, 0, 0), (0, 0, 0)), "lawn",
              (84, 168, 112), (60, 116, 92), "hedge", (60, 120, 52), (190, 150, 80), 820, 0.75, 0.6, 0.9,
              ("red", "blue", "yellow", "purple", "white", "pink"), (4, 2, 2), (0, 2), 0.2, 0.6, (1, 2), "hat", 1.0,
              ("bird table", "garden lamp"), 0.03, 0.1, "hearts", "petals", -0.5),
        Theme("station", "top", ((70, 64, 60), (70, 64, 60)), "none", ((0, 0, 0), (0, 0, 0)), "deck",
              (142, 132, 122), (84, 78, 72), "plates", (190, 176, 160), (170, 120, 40), 420, 0.6, 0.3, 1.0,
              ("red", "blue", "green", "yellow", "orange", "white"), (2, 4, 2), (1, 2), 0.4, 0.2, (1, 2), "helmet", 1.0,
              ("signal mast", "warning light"), 0.04, 0.35, "visor", "sparks", 0.4),
    )
}  # fmt: skip
