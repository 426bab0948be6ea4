"""Colour, rigidity, shape and gesture: the run stays as it is, the bodies are wrong."""

import math

import numpy as np

from annotator.glitchworld.faults import Fault, ease
from annotator.glitchworld.people import Pose

_NEON = ((255, 60, 255), (60, 255, 60), (40, 220, 255), (255, 255, 60), (60, 60, 255))


class _Drawn(Fault):
    moves = False


class MissingTexture(_Drawn):
    """The purple chequers of a texture that could not be loaded."""

    def looks(self, frame, states):
        return self.look(texture="checker", alpha=round(self.between(200, 256)))


class WrongTexture(_Drawn):
    """Painted with what belongs to something else."""

    def prepare(self, cast, start):
        self.texture = self.rng.choice(["static", "bricks", "letters"])

    def looks(self, frame, states):
        return self.look(texture=self.texture, alpha=round(self.between(200, 256)))


class ColourFlicker(_Drawn):
    """Jumps through colours."""

    def prepare(self, cast, start):
        self.beat = self.rng.randint(5, 8)
        self.first = self.rng.randrange(len(_NEON))

    def looks(self, frame, states):
        return self.look(colour=_NEON[(self.first + (frame - self.onset) // self.beat) % len(_NEON)])


class BendingPole(_Drawn):
    """Sways from side to side like a reed."""

    def cast(self):
        pole = next(one for one in self.scene.cast if one.kind == "pole")
        self.onset = self.onsets()[0]
        if not all(self.stage.inside(pole.x, frame, 36) for frame in range(self.onset, self.stage.end, 6)):
            return False
        if self.stage.behind_column(pole.id, pole.x):
            return False
        self.actor, self.height = pole.id, pole.height
        self.far, self.turn = self.between(34, 84), 2 * math.pi / self.rng.uniform(24, 36)
        return True

    def looks(self, frame, states):
        age = frame - self.onset
        lean = self.far * math.sin((age + 4) * self.turn) * ease(age + 3, 8)

        def warp(points):
            up = np.clip(0.5 - points[:, 1] / self.height, 0, 1)
            return np.column_stack([points[:, 0] + lean * up * up, points[:, 1] + abs(lean) * 0.35 * up * up])

        return self.look(warp=warp)


class Jelly(_Drawn):
    """A stiff thing wobbles and squashes like jelly."""

    def prepare(self, cast, start):
        self.far = self.between(0.2, 0.46)
        self.turn = 2 * math.pi / self.rng.uniform(11, 17)
        self.half = cast.height / 2

    def looks(self, frame, states):
        age = frame - self.onset + 3
        squash = 1 + self.far * math.sin(age * self.turn)
        lean = 1.3 * self.far * math.sin(age * self.turn * 0.63 + 1)
        wave = self.far * 16

        def warp(points):
            up = self.half - points[:, 1]
            x = points[:, 0] * (2 - squash) + lean * up + wave * _sines(up / 17 + age * 0.7)
            return np.column_stack([x, self.half - up * squash])

        return self.look(warp=warp)


def _sines(values):
    """Sines from Python's own function: numpy's differ in the last bit from processor to processor."""
    return np.array([math.sin(value) for value in values.tolist()])


class Melting(_Drawn):
    """Sags and runs out into a puddle."""

    def prepare(self, cast, start):
        self.low, self.half, self.kind = self.between(0.42, 0.16), cast.height / 2, cast.kind

    def fits(self, cast, frame):
        return self.base.states[frame][cast.id].grounded

    def looks(self, frame, states):
        left = 1 - (1 - self.low) * ease(frame - self.onset + 1, 32)
        state = states[self.actor]
        turn = 0.0 if self.scene.top and self.kind != "ball" else state.angle
        cos, sin = math.cos(turn), math.sin(turn)

        def warp(points):  # the puddle lies on the ground however the thing is turned
            x, y = points[:, 0] * cos - points[:, 1] * sin, points[:, 0] * sin + points[:, 1] * cos
            up = (self.half - y) / (2 * self.half)
            x = x * (1 + (1 - left) * (1.5 - 0.9 * up))
            y = self.half - up * 2 * self.half * left
            return np.column_stack([x * cos + y * sin, y * cos - x * sin])

        return self.look(warp=warp)


class StretchedBody(_Drawn):
    """A person is pulled up like chewing gum."""

    def prepare(self, cast, start):
        self.direction = "up"
        self.grow, self.half = self.between(1.35, 1.95), cast.height / 2

    def looks(self, frame, states):
        age = frame - self.onset
        grow = 1 + (self.grow - 1) * ease(age + 1, 12)
        sway = 9 * (grow - 1)

        def warp(points):
            up = self.half - points[:, 1]
            x = points[:, 0] * (1 - 0.3 * (grow - 1)) + sway * _sines(up / 22 + age * 0.25)
            return np.column_stack([x, self.half - up * grow])

        return self.look(warp=warp)


class MissingParts(_Drawn):
    """Goes on without its head, legs or wheels."""

    def prepare(self, cast, start):
        blatant = self.strength >= 0.6
        if cast.kind == "car":
            choices = [{"cabin", "front_wheel"}, {"front_wheel", "back_wheel"}]
            self.parts = self.rng.choice([*choices, {"cabin"}] if blatant else choices)
        elif blatant:
            self.parts = self.rng.choice([{"head", "near_arm", "far_arm"}, {"torso"}, {"near_leg", "far_leg"}])
        else:
            self.parts = self.rng.choice([{"head"}, {"near_leg", "far_leg"}])

    def looks(self, frame, states):
        return self.look(hide=frozenset(self.parts))


class DetachedParts(_Drawn):
    """Head, limbs or wheels are beside the body and go on with it."""

    def prepare(self, cast, start):
        rng, far = self.rng, self.between(14, 34)
        self.to = {}
        if cast.kind == "car":
            self.to = {"front_wheel": (far * 0.8, -far * 1.3), "back_wheel": (-far * 0.8, -far * 1.3)}
            self.to["cabin"] = (0.0, -far * 0.8)
        else:
            side = rng.choice([-1, 1])
            self.to = {
                "head": (side * far * 1.2, -far * 0.5),
                "near_arm": (-side * far, -6.0),
                "far_arm": (-side * far, 4.0),
            }
            if self.strength >= 0.6:
                self.to |= {"near_leg": (side * far * 0.8, 0.0)}

    def looks(self, frame, states):
        age = frame - self.onset
        share, bob = ease(age + 3, 8), 2.5 * math.sin(age * 0.25)
        return self.look(offsets={tag: (x * share, y * share + bob, 0.0) for tag, (x, y) in self.to.items()})


class FallingApart(_Drawn):
    """Comes to pieces that drift away from each other."""

    def prepare(self, cast, start):
        tags = {
            "person": ("head", "torso", "near_arm", "far_arm", "near_leg", "far_leg"),
            "car": ("cabin", "body", "front_wheel", "back_wheel"),
            "crate": ("plank0", "plank1", "plank2", "plank3"),
            "barrel": ("stave0", "stave1", "stave2"),
        }[cast.kind]
        far = self.between(26, 60)
        self.to = {}
        for index, tag in enumerate(tags):
            across = (index - (len(tags) - 1) / 2) / max(1, (len(tags) - 1) / 2)
            self.to[tag] = (across * far, -far * self.rng.uniform(0.1, 0.9), self.rng.uniform(-1.6, 1.6))

    def looks(self, frame, states):
        share = ease(frame - self.onset + 2, 22)
        return self.look(offsets={tag: (x * share, y * share, turn * share) for tag, (x, y, turn) in self.to.items()})


class _Posed(_Drawn):
    pass


class TwistedPose(_Posed):
    """Joints bent the way they cannot bend, kept while moving on."""

    def prepare(self, cast, start):
        far = self.between(0.75, 1.0)
        poses = [
            Pose(0.9, -1.6, (3.0, -2.3), (-2.6, 2.2), (-1.5, 2.5), (1.6, 2.2), 0.06),
            Pose(-1.1, 1.8, (-2.7, -1.6), (2.4, 2.0), (1.9, 2.3), (-1.3, 2.4), 0.08),
            Pose(0.2, 2.6, (2.2, 2.2), (-2.2, -2.2), (1.7, 1.4), (-1.7, -1.4 + 2.9), 0.16),
        ]
        self.rng.shuffle(poses)
        self.wrong = [Pose(*(self._scaled(value, far) for value in pose)) for pose in poses]
        self.beat = self.rng.randint(14, 26)

    def _scaled(self, value, far):
        return tuple(one * far for one in value) if isinstance(value, tuple) else value * far

    def looks(self, frame, states):
        shiver = 0.12 * math.sin(frame * 0.9)
        wrong = self.wrong[(frame - self.onset) // self.beat % 2]  # jerks from one to the other
        wrong = wrong._replace(near_arm=(wrong.near_arm[0] + shiver, wrong.near_arm[1]))
        return self.look(pose=lambda pose: wrong)


class SpinningLimbs(_Posed):
    """Arms and legs turn like propellers."""

    def prepare(self, cast, start):
        self.turn = self.between(0.3, 0.62) * self.rng.choice([-1, 1])

    def looks(self, frame, states):
        angle = (frame - self.onset + 1) * self.turn

        def spin(pose):
            return pose._replace(
                near_arm=(angle, 0.0), far_arm=(angle + math.pi, 0.0), near_leg=(angle * 0.8 + 1.6, 0.0),
                far_leg=(angle * 0.8 + 1.6 + math.pi, 0.0),
            )  # fmt: skip

        return self.look(pose=spin)


class SlidingPose(_Posed):
    """Stiff with outstretched arms, laid over, sliding along as if the animation had never been loaded."""

    def fits(self, cast, frame):
        return self.stage.way(cast.id, frame, frame + 30) > 30

    def prepare(self, cast, start):
        self.lay = self.between(0.0, 1.35)

    def looks(self, frame, states):
        lay = self.lay * ease(frame - self.onset + 3, 8)
        arms = (math.pi / 2, 0.0), (-math.pi / 2, 0.0)
        return self.look(pose=lambda pose: Pose(0.0, 0.0, *arms, (0.12, 0.0), (-0.12, 0.0), 0.0, lay))


class FoldedBody(_Posed):
    """The trunk is folded down backwards while the legs walk on."""

    def prepare(self, cast, start):
        self.fold = -self.between(1.7, 2.5)

    def looks(self, frame, states):
        fold = self.fold * ease(frame - self.onset + 3, 8)
        arms = (fold + 0.4, 0.2), (fold - 0.4, 0.2)
        return self.look(pose=lambda pose: pose._replace(lean=fold, head=0.3, near_arm=arms[0], far_arm=arms[1]))
