"""Run a scene: pymunk moves the things, people and drivers decide where to go, and every frame's states are kept.

In the top view the floor is one pymunk space without gravity and the heights above it live in a second one, in which each
actor has a lane of its own over a common ground.
"""

import math
from typing import NamedTuple

import pymunk

from annotator.glitchworld.scene import END_WALL

STEP_S, STEPS = 1 / 120, 4  # four steps make a frame
_GRID = 2.0**20  # states are rounded to this grid once a frame, so that no last bit of a processor can grow
_FIXED_BIT = 1 << 30  # all blocks that are not the partner of a glitch
WALL_BIT = _FIXED_BIT >> 1
_HEIGHT_LANE = 1000.0


class State(NamedTuple):
    x: float
    y: float  # middle of the body (side) or of the footprint (top)
    z: float  # height above the floor, 0 in the side view
    angle: float
    vx: float
    vy: float  # of what is seen as up and down: in the top view, of the height
    grounded: bool
    phase: float  # length walked, driven or flown, which turns wheels and moves legs
    facing: int
    action: str  # of a person: walk, stand, wave, jump


class Contact(NamedTuple):
    frame: int
    actor: int
    other: int  # an actor's id, or one of the negative ids of blocks
    nx: float  # direction from the actor to what it touched
    ny: float
    speed: float  # towards each other


class Run(NamedTuple):
    states: tuple  # [frame] -> {actor id: State}
    contacts: tuple


GROUND = -1
WALL = -2
PLATFORM = -3
END = -4
RAMP = -5
_ROLES = {"end": END, "wall": WALL, "platform": PLATFORM}


class Mover:
    """One moving actor while a simulation runs. Faults may change its fields and its body."""

    def __init__(self, cast, bit):
        self.cast, self.bit = cast, bit
        self.body = self.shape = None
        self.tall = self.tall_shape = None  # top view: its body in the space of heights
        self.facing = 1 if (cast.vx or cast.speed) >= 0 else -1
        self.phase = 0.0
        self.action = "walk"
        self.way = 0  # of a person: -1, 1 along x, -2, 2 along y
        self.wait = 0
        self.free = True  # False: a fault moves it, and its own mind is silent
        self.tempo = 1.0  # how fast its own mind and limbs run
        self.below = set()  # shapes it stands on
        self.script = None  # a State a fault has decided; then nothing else moves it
        self.settled = None  # place, speed and angle at the end of a frame, which asking the body again would cost time


class Simulation:
    """`run()` plays the whole scene; `fault`, if given, may interfere in each frame from its onset on."""

    def __init__(self, scene):
        self.scene = scene
        self.frame = 0
        self.contacts = []
        self.space = pymunk.Space()
        self.space.iterations = 12
        self.heights = None
        gravity = scene.theme.gravity
        if scene.top:
            self.space.damping = 0.5
            self.heights = pymunk.Space()
            self.heights.gravity = (0, gravity)
            floor = pymunk.Segment(self.heights.static_body, (-2000, 40), (60 * _HEIGHT_LANE, 40), 40)
            floor.friction, floor.elasticity = 0.5, 1.0
            self.heights.add(floor)
        else:
            self.space.gravity = (0, gravity)
        self._owner = {}
        self._build_blocks()
        self.movers = {}
        for index, cast in enumerate(one for one in scene.cast if one.kind in ("ball", "crate", "barrel", "car", "person")):
            self._add(cast, 1 << index)
        for cast in scene.cast:
            if cast.kind == "bird":
                self._add_bird(cast)
        self.space.on_collision(1, None, begin=self._touch, separate=self._part)

    # building

    def _fix(self, shape, role):
        shape.friction, shape.elasticity = self.scene.theme.friction, 1.0
        shape.filter = pymunk.ShapeFilter(categories=_FIXED_BIT if role != WALL else WALL_BIT)
        shape.collision_type = 2
        self._owner[shape] = role
        self.space.add(shape)

    def _box(self, x0, y0, x1, y1, role):
        corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
        self._fix(pymunk.Poly(self.space.static_body, corners), role)

    def _build_blocks(self):
        scene = self.scene
        width = scene.size[0]
        for block in scene.blocks:
            self._box(block.x0, block.y0, block.x1, block.y1, _ROLES[block.role])
        if scene.top:
            self._box(0, scene.front, width, scene.front + 200, END)
        else:
            self._box(-400, scene.floor, width + 400, scene.floor + 300, GROUND)
            self._box(-400, -700, END_WALL, scene.floor, END)  # nothing leaves over the end walls
            self._box(width - END_WALL, -700, width + 400, scene.floor, END)
        for ramp in scene.ramps:
            corners = [(ramp.x0, scene.floor), (ramp.x1, scene.floor), (ramp.x1, scene.floor - ramp.rise)]
            self._fix(pymunk.Poly(self.space.static_body, corners), RAMP)

    def _add(self, cast, bit):
        scene, theme = self.scene, self.scene.theme
        mover = Mover(cast, bit)
        width, height = cast.width, cast.height
        deep = max(16.0, height * 0.3) if scene.top else height
        mass = width * height / 1000
        if cast.kind == "ball":
            body = pymunk.Body(mass, pymunk.moment_for_circle(mass, 0, width / 2))
            shape = pymunk.Circle(body, width / 2 if not scene.top else width * 0.4)
        else:
            steady = cast.kind == "person" or scene.top
            moment = float("inf") if steady else pymunk.moment_for_box(mass, (width, deep))
            body = pymunk.Body(mass, moment)
            shape = pymunk.Poly.create_box(body, (width - 4, deep - 4), 2)
        shape.elasticity = {"ball": theme.restitution, "crate": 0.12, "barrel": 0.2}.get(cast.kind, 0.0)
        shape.friction = {"ball": 0.9, "crate": 0.5, "barrel": 0.35, "car": 0.15}.get(cast.kind, 0.0)
        shape.collision_type = 1
        shape.filter = pymunk.ShapeFilter(categories=bit)
        body.position, body.velocity = (cast.x, cast.y), (cast.vx, cast.vy)
        if not scene.top:
            body.angular_velocity = cast.spin
        self.space.add(body, shape)
        mover.body, mover.shape = body, shape
        self._owner[shape] = cast.id
        if scene.top:
            tall = pymunk.Body(mass, float("inf"))
            tall.position, tall.velocity = (cast.id * _HEIGHT_LANE, -10 - cast.rise), (0, -cast.lift)
            flat = pymunk.Poly.create_box(tall, (20, 20))
            flat.elasticity = shape.elasticity
            self.heights.add(tall, flat)
            mover.tall, mover.tall_shape = tall, flat
        self.movers[cast.id] = mover

    def _add_bird(self, cast):
        mover = Mover(cast, 0)
        mover.body = pymunk.Body(body_type=pymunk.Body.KINEMATIC)
        mover.body.position, mover.body.velocity = (cast.x, cast.y), (cast.speed, 0)
        self.space.add(mover.body)
        if self.scene.top:
            mover.tall = pymunk.Body(body_type=pymunk.Body.KINEMATIC)
            mover.tall.position = (cast.id * _HEIGHT_LANE, -10 - cast.rise)
            self.heights.add(mover.tall)
        mover.action = "fly"
        self.movers[cast.id] = mover

    # contacts

    def _touch(self, arbiter, space, data):
        first, second = arbiter.shapes
        normal = arbiter.normal
        speed = abs((first.body.velocity - second.body.velocity).dot(normal))
        for shape, other, nx, ny in ((first, second, normal.x, normal.y), (second, first, -normal.x, -normal.y)):
            owner = self._owner[shape]
            if owner > 0:
                self.contacts.append(Contact(self.frame, owner, self._owner[other], nx, ny, speed))
                if ny > 0.5:
                    self.movers[owner].below.add(other)

    def _part(self, arbiter, space, data):
        first, second = arbiter.shapes
        for shape, other in ((first, second), (second, first)):
            owner = self._owner[shape]
            if owner > 0:
                self.movers[owner].below.discard(other)

    # what faults and minds use

    def grounded(self, mover):
        if self.scene.top:
            return mover.tall.position.y > -11.5
        return bool(mover.below)

    def rise_speed(self, mover):
        """Upward speed."""
        return -(mover.tall if self.scene.top else mover.body).velocity.y

    def set_rise_speed(self, mover, speed):
        body = mover.tall if self.scene.top else mover.body
        body.velocity = (body.velocity.x, -speed)

    def height(self, mover):
        """How high the actor is above the floor it would rest on at y 0; only differences matter in the side view."""
        return -mover.tall.position.y - 10 if self.scene.top else -mover.body.position.y

    def set_height(self, mover, height):
        if self.scene.top:
            mover.tall.position = (mover.tall.position.x, -10 - height)
        else:
            mover.body.position = (mover.body.position.x, -height)

    def ahead(self, mover, way, reach):
        """The owner of what stands within `reach` in front of the actor, or None."""
        cast = mover.cast
        x, y = mover.body.position
        hidden = pymunk.ShapeFilter(mask=pymunk.ShapeFilter.ALL_MASKS() ^ mover.bit)
        if abs(way) == 2:
            end = (x, y + (way // 2) * (cast.height * 0.15 + reach))
        else:
            end = (x + way * (cast.width / 2 + reach), y)
        hit = self.space.segment_query_first((x, y), end, 4, hidden)
        if hit is None and not self.scene.top and abs(way) == 1:
            low = cast.height / 2 - 16  # of what is lower than the middle
            hit = self.space.segment_query_first((x, y + low), (end[0], y + low), 2, hidden)
            if hit is not None and self._owner.get(hit.shape) in (RAMP, GROUND):
                ramp_foot = abs(hit.normal.x) < 0.8
                hit = None if ramp_foot else hit
        return None if hit is None or hit.shape is None else self._owner.get(hit.shape)

    # minds

    def _person(self, mover):
        cast, body = mover.cast, mover.body
        for start, action, way in cast.plan:
            if start == self.frame:
                mover.action, mover.way = action, way
                if abs(way) == 1:
                    mover.facing = way
                if action == "jump" and self.grounded(mover):
                    self.set_rise_speed(mover, math.sqrt(2 * self.scene.theme.gravity * 44))
        if not self.grounded(mover) and not self.scene.top:
            return
        speed = 0.0
        if mover.action == "walk":
            block = self.ahead(mover, mover.way, 16)
            if block is not None:
                ahead = (float(mover.way), 0.0) if abs(mover.way) == 1 else (0.0, mover.way / 2)
                self.contacts.append(Contact(self.frame, cast.id, block, *ahead, cast.speed))
                mover.way = -mover.way
            if abs(mover.way) == 1:
                mover.facing = mover.way
            speed = cast.speed * mover.tempo
        elif mover.action == "jump" and self.scene.top is False:
            speed = abs(body.velocity.x)
        wx, wy = (speed * mover.way, 0.0) if abs(mover.way) <= 1 else (0.0, speed * 0.7 * (mover.way // 2))
        vx = body.velocity.x + (wx - body.velocity.x) * 0.3
        vy = body.velocity.y if not self.scene.top else body.velocity.y + (wy - body.velocity.y) * 0.3
        body.velocity = (vx, vy)

    def _driver(self, mover):
        body, cast = mover.body, mover.cast
        if not self.grounded(mover):
            return
        if mover.wait:
            mover.wait -= 1
            wanted = 0.0
            if not mover.wait:
                mover.facing = -mover.facing
        else:
            wanted = abs(cast.speed) * mover.facing * mover.tempo
            block = self.ahead(mover, mover.facing, 12 + abs(body.velocity.x) * 0.28)
            if block is not None:
                mover.wait = 16
                self.contacts.append(Contact(self.frame, cast.id, block, float(mover.facing), 0.0, abs(body.velocity.x)))
        vy = body.velocity.y * (0.6 if self.scene.top else 1.0)
        body.velocity = (body.velocity.x + (wanted - body.velocity.x) * (0.12 if wanted else 0.3), vy)

    def _bird(self, mover):
        width = self.scene.size[0]
        x, y = mover.body.position
        if (x < 40 and mover.facing < 0) or (x > width - 40 and mover.facing > 0):
            mover.facing = -mover.facing
        sway = 26 * math.cos(self.frame * 0.14) * mover.tempo
        mover.body.velocity = (abs(mover.cast.speed) * mover.facing * mover.tempo, 0 if self.scene.top else sway)
        if self.scene.top:
            mover.tall.velocity = (0, sway)

    def _portals(self):
        pair = self.scene.portals
        if not pair:
            return
        for mover in self.movers.values():
            x, y = mover.body.position
            vx = mover.body.velocity.x
            if mover.cast.kind not in ("ball", "crate", "barrel"):
                continue
            for door, out in (pair, pair[::-1]):
                near = door.y0 < y < door.y1 + 6 and abs(x - door.cx) < 7
                if near and abs(vx) > 20 and mover.wait == 0:
                    mover.body.position = (out.cx + math.copysign(8, vx), y + out.y1 - door.y1)
                    mover.wait = 12
                    self.contacts.append(Contact(self.frame, mover.cast.id, 0, 0.0, 0.0, 0.0))
                    break
            else:
                mover.wait = max(0, mover.wait - 1)

    # running

    def run(self, fault=None):
        minds = {"person": self._person, "car": self._driver, "bird": self._bird}
        states = []
        for frame in range(self.scene.format.simulated):
            self.frame = frame
            states.append({number: self._state(mover, mover.settled) for number, mover in self.movers.items()})
            for mover in list(self.movers.values()):
                if mover.free and mover.cast.kind in minds:
                    minds[mover.cast.kind](mover)
            self._portals()
            if fault is not None and self.frame >= fault.onset:
                fault.push(self, self.movers)
            for _ in range(STEPS):
                self.space.step(STEP_S)
                if self.heights:
                    self.heights.step(STEP_S)
            for mover in self.movers.values():
                self._settle(mover)
        return Run(tuple(states), tuple(self.contacts))

    def hold(self, mover, state):
        """From now on the actor is where a fault says, and whatever touches it gives way."""
        if mover.script is None:
            mover.free = False
            for body in (mover.body, mover.tall):
                if body is not None:
                    body.body_type = pymunk.Body.KINEMATIC
        mover.script = state
        mover.body.position, mover.body.velocity, mover.body.angle = (state.x, state.y), (0, 0), state.angle
        mover.body.angular_velocity = 0
        mover.phase, mover.facing, mover.action = state.phase, state.facing, state.action

    def ignore(self, mover, bits=None):
        """Let the actor pass through the owners of these bits, or through everything."""
        mask = 0 if bits is None else pymunk.ShapeFilter.ALL_MASKS() ^ bits
        mover.shape.filter = pymunk.ShapeFilter(categories=mover.bit, mask=mask)

    def enter(self, cast):
        """An actor who was not there before."""
        self._add(cast, 1 << len(self.movers))
        return self.movers[cast.id]

    def _settle(self, mover):
        """Round the state, and count the way."""
        if mover.script is not None:
            return
        body = mover.body
        (x, y), (vx, vy), angle = body.position, body.velocity, body.angle
        place = round(x * _GRID) / _GRID, round(y * _GRID) / _GRID
        if place != (x, y):
            body.position = place
        speeds = round(vx * _GRID) / _GRID, round(vy * _GRID) / _GRID
        if speeds != (vx, vy):
            body.velocity = speeds
        turned = round(angle * _GRID) / _GRID
        if self.scene.top and mover.cast.kind == "ball":
            turned = round((angle + vx / 30 / (mover.cast.width / 2)) * _GRID) / _GRID
        if turned != angle:
            body.angle = turned
        mover.settled = (*place, *speeds, turned)
        speed = abs(vx) if not self.scene.top else math.hypot(vx, vy)
        if mover.cast.kind == "car":
            speed = vx * mover.facing
        mover.phase += (speed if mover.cast.kind != "bird" else abs(mover.cast.speed) * mover.tempo) / 30

    def _state(self, mover, settled=None):
        """How an actor is now; `settled` where nothing has moved it since the end of a frame."""
        if mover.script is not None:
            return mover.script
        if settled is None:
            body = mover.body
            settled = (*body.position, *body.velocity, body.angle)
        x, y, vx, vy, angle = settled
        z = 0.0
        if self.scene.top:
            z, vy = -mover.tall.position.y - 10, mover.tall.velocity.y
            z = 0.0 if abs(z) < 0.6 else z
        return State(x, y, z, angle, vx, vy, self.grounded(mover), mover.phase, mover.facing, mover.action)
