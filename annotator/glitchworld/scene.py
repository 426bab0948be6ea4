"""Deal a scene: what stands where and who is in it. The glitch is chosen afterwards, so no feature belongs to a label.

World units are pixels of a 640x360 clip, y points down. In the top view x and y lie in the floor, seen obliquely from
above, and each actor has a height above it as well.
"""

from dataclasses import dataclass, replace
from functools import cached_property

from annotator.glitchworld.streams import stream
from annotator.glitchworld.themes import THEMES, Theme

END_WALL = 26  # width of the walls that close the world
STRIP = 36  # depth in which the floor of a side view is seen


@dataclass(frozen=True)
class Format:
    """How a clip is drawn: pixels, the part of the world they show, and which simulated frames are kept."""

    width: int
    height: int
    view: tuple[int, int]  # world units across and down
    simulated: int  # frames at 30 a second
    every: int  # keep each such frame
    wide: bool  # room for more structures and actors
    plain: bool = False  # the easy level: a still camera, one person, two things, nothing that looks like a glitch

    @property
    def frames(self):
        return -(-self.simulated // self.every)

    @property
    def fps(self):
        return 30 // self.every

    @property
    def scale(self):
        return self.height / self.view[1]


VIDEO = Format(width=640, height=360, view=(640, 360), simulated=150, every=1, wide=True)
ARRAY = Format(width=96, height=96, view=(276, 276), simulated=96, every=6, wide=False)
PLAIN = replace(ARRAY, plain=True)


@dataclass(frozen=True)
class Block:
    """A solid box; in the top view y0..y1 is its footprint and `rise` its height."""

    x0: float
    y0: float
    x1: float
    y1: float
    role: str  # end, wall, platform
    rise: float = 0


@dataclass(frozen=True)
class Ramp:
    """A wedge on the ground: foot at x0, upper end at x1 (either side), `rise` high."""

    x0: float
    x1: float
    rise: float


@dataclass(frozen=True)
class Rect:
    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def cx(self):
        return (self.x0 + self.x1) / 2


@dataclass(frozen=True)
class Cast:
    """One actor as dealt. x, y is the middle of its body (side) or of its footprint (top)."""

    id: int
    kind: str
    colour: str | None
    words: str
    width: float
    height: float
    x: float
    y: float
    vx: float = 0.0
    vy: float = 0.0
    rise: float = 0.0  # top view: height above the floor at the start
    lift: float = 0.0  # top view: upward speed at the start
    spin: float = 0.0
    speed: float = 0.0  # of what moves by itself
    plan: tuple = ()  # of a person: (frame, action, direction)
    look: int = 0  # picks hair, trousers and the like


@dataclass(frozen=True)
class Scene:
    seed: int
    theme: Theme
    format: Format
    size: tuple[float, float]  # of the world
    floor: float  # side: y of the ground; top: y of the back wall's foot
    front: float  # y where the floor ends, towards the viewer
    blocks: tuple[Block, ...]
    ramps: tuple[Ramp, ...]
    pole: Rect
    lamp: tuple[float, float] | None  # its light's place
    lamp_changes: bool
    mirror: Rect | None
    water: Rect | None
    glass: Rect | None
    portals: tuple[Rect, Rect] | None
    column: Rect | None  # stands before everything and hides what passes behind it
    cast: tuple[Cast, ...]
    shakes: tuple[int, ...]
    gain: int  # brightness of the whole clip, 256 is neutral
    quality: int  # of the compression, 0 best to 10 worst

    @cached_property
    def top(self):
        return self.theme.view == "top"

    def one(self, number):
        return next(one for one in self.cast if one.id == number)

    def features(self):
        return {
            "mirrors": int(self.mirror is not None),
            "water": self.water is not None,
            "glass": self.glass is not None,
            "lamp": self.lamp is not None,
            "portal": self.portals is not None,
            "column": self.column is not None,
            "platforms": sum(block.role == "platform" for block in self.blocks),
            "walls": sum(block.role == "wall" for block in self.blocks),
            "ramps": len(self.ramps),
        }


def deal(seed, theme, format, attempt=0):
    """The scene of a seed. Another `attempt` gives another scene, for the rare label that finds no actor in the first."""
    return _Dealer(THEMES[theme], format, seed, stream(seed, theme, "scene", attempt)).deal()


class _Dealer:
    def __init__(self, theme, format, seed, rng):
        self.theme, self.format, self.seed, self.rng = theme, format, seed, rng
        self.top = theme.view == "top"
        self.blocks, self.ramps, self.cast = [], [], []
        self.taken = set()

    def deal(self):
        rng, theme, (vw, vh), plain = self.rng, self.theme, self.format.view, self.format.plain
        self.width = round(vw * (rng.uniform(1.15, 1.45) if self.format.wide else rng.uniform(1.15, 1.3)))
        if plain:
            self.width = vw
        mirror, water = rng.choice([(True, False), (False, True), (True, True)])
        wide = self.format.wide
        glass, lamp, column = rng.random() < 0.5, rng.random() < 0.5, rng.random() < (0.4 if wide else 0.25)
        portal = rng.random() < (0.25 if wide else 0.15)
        if plain:
            lamp = column = portal = False
        self.height, self.narrow = vh, 1.0 if wide else 0.75
        if self.top:
            self.floor, self.front = vh * 0.27, vh * (0.8 if water else 0.96)
        else:
            self.floor = vh * (0.68 if water else 0.75)
            self.front = self.floor + STRIP
        self.frame_blocks()
        if not plain:
            self.structures()
        places = self.places(1 + mirror + glass + column + 2 * portal)
        pole = self.pole(places.pop(), lamp)
        mirror = self.mirror(places.pop()) if mirror else None
        glass = self.upright(places.pop(), rng.uniform(80, 110) * self.narrow, 165, self.front - 2) if glass else None
        column = self.upright(places.pop(), rng.uniform(30, 44) * self.narrow, vh, vh) if column else None
        portals = self.portals(places) if portal else None
        self.people()
        self.things()
        if not plain:
            self.vehicles()
        self.fixed(pole, lamp, mirror, water, glass)
        shakes = tuple(rng.randrange(self.format.simulated) for _ in range(2) if rng.random() < theme.shake and not plain)
        return Scene(
            seed=self.seed,
            theme=theme,
            format=self.format,
            size=(self.width, self.height),
            floor=self.floor,
            front=self.front,
            blocks=tuple(self.blocks),
            ramps=tuple(self.ramps),
            pole=pole,
            lamp=(pole.cx, pole.y0 + 8) if lamp else None,
            lamp_changes=rng.random() < 0.4,
            mirror=mirror,
            water=Rect(0, self.front + 2, self.width, self.height) if water else None,
            glass=glass,
            portals=portals,
            column=column,
            cast=tuple(self.cast),
            shakes=shakes,
            gain=rng.randint(216, 290),
            quality=rng.randint(0, 3 if plain else 10),
        )

    # fixed things

    def frame_blocks(self):
        if self.top:
            self.blocks += [
                Block(0, 0, self.width, self.floor, "end", 0),
                Block(-END_WALL, self.floor, END_WALL, self.front, "end", 34),
                Block(self.width - END_WALL, self.floor, self.width + END_WALL, self.front, "end", 34),
            ]
        else:
            top = self.floor - self.rng.uniform(110, 150)
            self.blocks += [
                Block(-80, top, END_WALL, self.floor, "end"),
                Block(self.width - END_WALL, top, self.width + 80, self.floor, "end"),
            ]

    def structures(self):
        rng, count = self.rng, self.rng.randint(1, 2) if self.format.wide else self.rng.randint(0, 1)
        free = self.width - 2 * END_WALL
        for index in range(count):
            x = END_WALL + free * (index + rng.uniform(0.35, 0.65)) / count
            kind = rng.choice(["wall", "wall", "platform", "ramp"])
            if self.top:
                deep = (self.front - self.floor) * rng.uniform(0.25, 0.45)
                y = self.floor if rng.random() < 0.5 else self.front - deep
                self.blocks.append(Block(x - 17, y, x + 17, y + deep, "wall", 40))
            elif kind == "wall":
                self.blocks.append(Block(x - 17, self.floor - rng.uniform(62, 84), x + 17, self.floor, "wall"))
            elif kind == "platform":
                half, top = rng.uniform(52, 78), self.floor - 102 * self.theme.size - rng.uniform(22, 34)
                self.blocks.append(Block(x - half, top, x + half, top + 14, "platform"))
            else:
                length = rng.uniform(90, 120) * rng.choice([-1, 1])
                self.ramps.append(Ramp(x - length / 2, x + length / 2, rng.uniform(30, 44)))

    def places(self, count):
        """Middles for what stands in the background or foreground, spread over the world in random order."""
        free = self.width - 2 * END_WALL - 40
        places = [END_WALL + 20 + free * (index + self.rng.uniform(0.3, 0.7)) / count for index in range(count)]
        self.rng.shuffle(places)
        return places

    def upright(self, x, width, height, foot):
        x = min(max(x, END_WALL + width / 2 + 2), self.width - END_WALL - width / 2 - 2)
        return Rect(x - width / 2, foot - height, x + width / 2, foot)

    def pole(self, x, lamp):
        height = self.rng.uniform(150, 172) if not self.top else self.rng.uniform(100, 112)
        foot = self.floor + 4 if not self.top else self.floor + (self.front - self.floor) * self.rng.uniform(0.2, 0.4)
        return self.upright(x, 12, height, foot)

    def mirror(self, x):
        return self.upright(
            x, self.rng.uniform(116, 150) * self.narrow, self.rng.uniform(126, 142), self.floor + (4 if not self.top else 8)
        )

    def portals(self, places):
        foot = self.floor + 16 if not self.top else (self.floor * 0.4 + self.front * 0.6)
        return tuple(self.upright(place, 34, 92, foot) for place in (places.pop(), places.pop()))

    # actors

    def colour(self, kind):
        free = [colour for colour in self.theme.colours if (kind, colour) not in self.taken]
        colour = self.rng.choice(free)
        self.taken.add((kind, colour))
        return colour

    def add(self, kind, **facts):
        colour = self.colour(kind)
        words = f"the person in {colour}" if kind == "person" else f"the {colour} {kind}"
        look = self.rng.randrange(1000)
        self.cast.append(Cast(id=len(self.cast) + 2, kind=kind, colour=colour, words=words, look=look, **facts))

    def support(self, x, half):
        """y of the highest ground below x (side view)."""
        tops = [b.y0 for b in self.blocks if b.x0 - half < x < b.x1 + half]
        for ramp in self.ramps:
            if min(ramp.x0, ramp.x1) - half < x < max(ramp.x0, ramp.x1) + half:
                tops.append(self.floor - ramp.rise)
        return min(tops, default=self.floor)

    def spot(self, width, height, low=False):
        """A free place: (x, y) for a body of this size, clear of those already dealt; `low`: on the ground itself."""
        best = None
        solid = [(b.x0, b.x1) for b in self.blocks if b.role != "platform" and (low or b.role == "end")]
        if low:
            solid += [(min(r.x0, r.x1), max(r.x0, r.x1)) for r in self.ramps]
        for _ in range(24):
            x = self.rng.uniform(END_WALL + width / 2 + 4, self.width - END_WALL - width / 2 - 4)
            if self.top:
                deep = height * 0.25 + 8
                y = self.rng.uniform(self.floor + deep + 8, self.front - deep)
                walled = any(b.x0 - width / 2 < x < b.x1 + width / 2 and b.y0 - deep < y < b.y1 + deep for b in self.blocks)
                near = [max(abs(c.x - x) - (c.width + width) / 2, abs(c.y - y) - 26) for c in self.cast if c.kind != "bird"]
            else:
                y = (self.floor if low else self.support(x, width / 2)) - height / 2 - 1
                walled = any(x0 - width / 2 - 2 < x < x1 + width / 2 + 2 for x0, x1 in solid)
                near = [
                    max(abs(c.x - x) - (c.width + width) / 2, abs(c.y - y) - (c.height + height) / 2)
                    for c in self.cast
                    if c.kind != "bird"
                ]
            room = min(near, default=99) - 500 * walled
            if best is None or room > best[0]:
                best = (room, x, y)
            if room > 14:
                break
        return best[1:]

    def people(self):
        rng, theme = self.rng, self.theme
        low, high = theme.people
        count = rng.randint(low, high) if self.format.wide else 1 + (rng.random() < 0.2 and not self.format.plain)
        for _ in range(count):
            height, width = 96 * theme.size * rng.uniform(0.94, 1.06), 24 * theme.size
            x, y = self.spot(width, height, low=True)
            self.add(
                "person", width=width, height=height, x=x, y=y, speed=rng.uniform(52, 84) * theme.speed, plan=self.plan()
            )

    def plan(self):
        """What a person does when: walk mostly, and at times stand, wave or jump."""
        rng, frame, plan = self.rng, 0, []
        ways = [-1, 1] if not self.top else [-1, 1, -1, 1, -2, 2]  # 2 is towards the viewer
        while frame < self.format.simulated:
            action = rng.choices(["walk", "stand", "wave", "jump"], [6, 1, 1, 1.5])[0] if plan else "walk"
            plan.append((frame, action, rng.choice(ways)))
            frame += rng.randint(40, 75) if action == "walk" else rng.randint(22, 34)
        return tuple(plan)

    def things(self):
        rng, theme = self.rng, self.theme
        more = rng.randint(*theme.more_things) if self.format.wide else (rng.random() < 0.2 and not self.format.plain)
        kinds = rng.choices(("ball", "crate", "barrel"), theme.things, k=1 + more)
        starts = ["thrown", "moving", *rng.choices(["moving", "resting", "thrown"], k=1 + more)]
        for kind, start in zip(["ball", *kinds], starts, strict=False):
            self.thing(kind, start)

    def thing(self, kind, start):
        rng, size = self.rng, self.theme.size * self.rng.uniform(0.94, 1.12)
        width, height = {"ball": (52, 52), "crate": (54, 54), "barrel": (46, 58)}[kind]
        width, height = width * size, height * size
        x, y = self.spot(width, height)
        way = 1 if x < self.width / 2 else -1
        facts = {"width": width, "height": height, "x": x, "y": y}
        g = self.theme.gravity
        if start == "thrown":
            facts["vx"] = way * rng.uniform(40, 120)
            drop = rng.uniform(60, 110)
            if self.top:
                facts |= {"rise": drop, "lift": rng.uniform(0.0, 0.12) * g, "vy": rng.uniform(-30, 30)}
            else:
                facts |= {"y": max(y - drop, height / 2 + 34), "vy": -rng.uniform(0.0, 0.12) * g}
            facts["spin"] = way * rng.uniform(0.5, 4) * (kind == "ball")
        elif start == "moving":
            facts["vx"] = way * rng.uniform(120, 230) * (1.5 if kind != "ball" else 1.0)
            facts["vy"] = rng.uniform(-60, 60) if self.top else 0.0
        self.add(kind, **facts)

    def vehicles(self):
        rng, theme = self.rng, self.theme
        if rng.random() < theme.cars * (1.0 if self.format.wide else 0.6):
            width, height = 104 * theme.size, 46 * theme.size
            x, y = self.spot(width, height, low=True)
            way = 1 if x < self.width / 2 else -1
            self.add("car", width=width, height=height, x=x, y=y, speed=way * rng.uniform(80, 150) * theme.speed)
        if rng.random() < theme.birds:
            way = rng.choice([-1, 1])
            x = self.width * (rng.uniform(0.05, 0.35) if way > 0 else rng.uniform(0.65, 0.95))
            facts = {"width": 50 * theme.size, "height": 28 * theme.size, "x": x, "speed": way * rng.uniform(50, 90)}
            if self.top:
                self.add("bird", y=rng.uniform(self.floor + 60, self.front - 10), rise=rng.uniform(80, 100), **facts)
            else:
                self.add("bird", y=rng.uniform(48, 74), **facts)

    def fixed(self, pole, lamp, mirror, water, glass):
        def put(kind, words, rect):
            cast = Cast(
                id=len(self.cast) + 2,
                kind=kind,
                colour=None,
                words=words,
                width=rect.x1 - rect.x0,
                height=rect.y1 - rect.y0,
                x=rect.cx,
                y=(rect.y0 + rect.y1) / 2,
            )
            self.cast.append(cast)

        put("pole", f"the {self.theme.post[lamp]}", pole)
        if mirror:
            put("mirror", "the mirror", mirror)
        if water:
            put("water", "the water", Rect(0, self.front + 2, self.width, self.height))
        if glass:
            put("glass", "the glass pane", glass)
        walls = [block for block in self.blocks if block.role == "wall"]
        for wall in walls[:1]:
            put("wall", "the wall", Rect(wall.x0, wall.y0 - wall.rise, wall.x1, wall.y1))
