"""Reflection, refraction, absorption and transmission."""

import math
from dataclasses import replace

from annotator.glitchworld.faults import Fault, ease
from annotator.glitchworld.faults_mechanics import side_of
from annotator.glitchworld.look import Picture, Reflecting
from annotator.glitchworld.physics import State

CAMERA, LIGHT = 0, 1  # ids of the actors that stand for the whole picture


class _OfPicture(Fault):
    moves = False
    actor_id = CAMERA

    def cast(self):
        self.actor, self.onset = self.actor_id, self.onsets()[0]
        self.prepare(None, None)
        return True


class _OfMirror(Fault):
    """Something wrong in the mirror or the water."""

    moves = False

    def cast(self):
        able = [one for one in self.scene.cast if one.kind in self.glitch.kinds]
        self.rng.shuffle(able)
        for one in able:
            self.surface, self.onset = one.kind, self.onsets()[0]
            if one.kind == "mirror" and not all(
                self.stage.inside(one.x, f, 40) for f in range(self.onset, self.stage.end, 6)
            ):
                continue
            self.actor = one.id
            if self.choose(one):
                return True
        return False

    def choose(self, surface):
        return True


class GhostReflection(_OfMirror):
    """Somebody is seen in the mirror or the water who stands nowhere."""

    def choose(self, surface):
        person = next(one for one in self.scene.cast if one.kind == "person")
        taken = {one.colour for one in self.scene.cast if one.kind == "person"}
        colour = self.rng.choice([colour for colour in self.scene.theme.colours if colour not in taken])
        self.ghost = replace(person, id=900, colour=colour, look=self.rng.randrange(1000), plan=())
        self.pace = self.between(0.6, 1.3)
        self.begin = self.rng.uniform(0, 100)
        return True

    def picture(self, frame, states):
        scene, ghost = self.scene, self.ghost
        if self.surface == "mirror":
            low, high = scene.mirror.x0 - 30 + 30, scene.mirror.x1 - 30 - 30
        else:
            left = self.stage.corners[frame][0]
            low, high = left + 60, left + scene.format.view[0] - 60
        width = max(8.0, high - low)
        far = (self.begin + self.pace * 2 * (frame - self.onset)) % (2 * width)
        x, facing = (low + far, 1) if far < width else (low + 2 * width - far, -1)
        y = scene.floor - ghost.height / 2
        if scene.top:
            y = scene.floor + 24 if self.surface == "mirror" else scene.front - 24
        state = State(x, y, 0.0, 0.0, facing * 40.0, 0.0, True, self.pace * 2 * (frame - self.onset), facing, "walk")
        return Picture(reflecting={self.surface: Reflecting(ghost=(ghost, state))})


class WrongReflection(_OfMirror):
    """The mirror shows what stands before it upside down."""

    def choose(self, surface):
        able = [one for one in self.scene.cast if one.kind in self.glitch.other]
        self.rng.shuffle(able)
        frames = range(self.onset, self.stage.end, 4)
        for one in able:
            seen = [self._reflected(one, frame) for frame in frames]
            if sum(seen) >= 0.6 * len(seen):
                self.other = one.id
                self.code = self.rng.choice([0, -1])
                return True
        return False

    def _reflected(self, cast, frame):
        state = self.base.states[frame][cast.id]
        if not self.stage.sees(cast.id, frame):
            return False
        near = not self.scene.top or state.y - self.scene.floor < 90
        return near and abs(state.x + 30 - self.scene.mirror.cx) < (self.scene.mirror.x1 - self.scene.mirror.x0) / 2 - 14

    def picture(self, frame, states):
        return Picture(reflecting={self.surface: Reflecting(flip=self.code)})


class FlippedCamera(_OfPicture):
    """The camera turns the whole picture over."""

    def prepare(self, cast, start):
        self.code = self.rng.choice([0, -1]) if self.strength >= 0.5 else 1

    def picture(self, frame, states):
        return Picture(flip=self.code)


class RunawayShadow(Fault):
    """The shadow leaves its owner."""

    moves = False

    def prepare(self, cast, start):
        left = self.stage.corners[self.onset][0]
        middle = left + self.scene.format.view[0] / 2
        self.way = 1 if start.x < middle else -1
        self.direction = side_of(self.way)
        self.far = self.between(48, 130)

    def looks(self, frame, states):
        age = frame - self.onset
        shift = self.far * (0.75 * ease(age, 14) + 0.5 * math.sin(age * 0.2) * ease(age, 10))
        return self.look(shadow_shift=self.way * shift, shadow_grow=1 + 0.7 * ease(age, 14))


class GiantShadow(Fault):
    """The shadow stands up behind its owner, several times as large."""

    moves = False

    def prepare(self, cast, start):
        self.grow = self.between(1.5, 2.6) * (1.6 if cast.height < 60 else 1.0)

    def looks(self, frame, states):
        age = frame - self.onset
        return self.look(shadow_tall=0.3 + (self.grow - 0.3) * ease(age + 1, 12), shadow_shift=18 * math.sin(age * 0.1))


class BrightnessFault(_OfPicture):
    """A part of the picture is suddenly far too bright or too dark, with a hard edge, and flickers."""

    actor_id = LIGHT

    def prepare(self, cast, start):
        width = self.rng.uniform(0.34, 0.55)
        self.x0 = self.rng.uniform(0.04, 0.96 - width)
        self.x1 = self.x0 + width
        self.gain = round(self.rng.choice([self.between(170, 84), self.between(350, 560)]))
        self.beat = self.rng.randint(14, 22)

    def picture(self, frame, states):
        on = (frame - self.onset) // self.beat % 3 != 2
        return Picture(band=(self.x0, self.x1, self.gain) if on else None)


class PoppingIn(Fault):
    """Something is there from one frame to the next."""

    def cast(self):
        rng, scene = self.rng, self.scene
        kind = rng.choice(self.glitch.kinds)
        taken = {one.colour for one in scene.cast if one.kind == kind}
        colours = [colour for colour in scene.theme.colours if colour not in taken]
        self.onset = self.onsets()[0]
        size = scene.theme.size
        width, height = {"ball": (54, 54), "crate": (56, 56), "barrel": (48, 60), "person": (24, 96), "car": (104, 46)}[kind]
        width, height = width * size, height * size
        place = self._place(width, height)
        if place is None:
            return False
        colour = rng.choice(colours)
        words = f"the person in {colour}" if kind == "person" else f"the {colour} {kind}"
        model = replace(next(one for one in scene.cast if one.kind == "person"), plan=((0, "stand", 1),))
        number = max(one.id for one in scene.cast) + 1
        new = replace(
            model, id=number, kind=kind, colour=colour, words=words, width=width, height=height, x=place[0], y=place[1]
        )
        self.extra = (replace(new, speed=0.0, look=rng.randrange(1000)),)
        self.actor = number
        return True

    def _place(self, width, height):
        """A free spot in the middle of the picture at the onset."""
        scene, states = self.scene, self.base.states[self.onset]
        left = self.stage.corners[self.onset][0]
        for _ in range(40):
            x = left + self.rng.uniform(0.22, 0.78) * scene.format.view[0]
            if scene.top:
                y = self.rng.uniform(scene.floor + height * 0.3 + 12, scene.front - height * 0.2 - 8)
            else:
                y = scene.floor - height / 2 - 1
            solid = [(b.x0, b.x1) for b in scene.blocks if b.role == "wall" or b.role == "end" and not scene.top]
            solid += [(min(r.x0, r.x1), max(r.x0, r.x1)) for r in scene.ramps]
            free = all(not x0 - width / 2 - 4 < x < x1 + width / 2 + 4 for x0, x1 in solid)
            column = scene.column
            hidden = column is not None and column.x0 - width < x < column.x1 + width
            clear = all(
                abs(one.x - x) > (width + 50) / 2 or abs(one.y - y) > ((height + 50) / 2 if not scene.top else 34)
                for one in states.values()
            )
            if free and clear and not hidden:
                return x, y
        return None

    def push(self, simulation, movers):
        if self.actor not in movers:
            mover = simulation.enter(self.extra[0])
            mover.action = "stand"
            mover.free = mover.cast.kind != "car"


class PoppingOut(Fault):
    """Gone from one frame to the next."""

    def push(self, simulation, movers):
        mover = movers[self.actor]
        if mover.script is None:
            simulation.hold(mover, simulation._state(mover))
            if mover.shape is not None:
                simulation.ignore(mover)

    def looks(self, frame, states):
        return self.look(shown=frame <= self.onset)


class SeeThrough(Fault):
    """Fades until the background shows through it."""

    moves = False

    def prepare(self, cast, start):
        self.left = round(self.between(120, 34))

    def looks(self, frame, states):
        return self.look(alpha=round(256 - (256 - self.left) * ease(frame - self.onset + 1, 10)))


class BentLight(Fault):
    """What is behind the glass pane is bent into waves and torn into colours."""

    moves = False

    def cast(self):
        pane = next((one for one in self.scene.cast if one.kind == "glass"), None)
        self.onset = self.onsets()[0]
        if pane is None or not all(self.stage.inside(pane.x, f, 30) for f in range(self.onset, self.stage.end, 6)):
            return False
        self.actor = pane.id
        self.far = self.between(7, 20)
        return True

    def picture(self, frame, states):
        age = frame - self.onset
        return Picture(ripple=self.far * ease(age + 2, 8), ripple_at=age)


class CameraClipping(_OfPicture):
    """The camera dips through the floor, and the void below the world comes into view."""

    def prepare(self, cast, start):
        self.deep = self.between(0.2, 0.44)

    def picture(self, frame, states):
        age = frame - self.onset
        return Picture(sink=self.deep * (0.25 + 0.75 * ease(age, 12)) * (1 + 0.08 * math.sin(age * 0.2)))
