"""What all glitches share: who shows it, from when on, and how it interferes with a run or with the drawing."""

import math

from annotator.glitchworld.look import Look, Picture


class Stage:
    """What a fault is chosen from: the scene, its run without a glitch and the camera's corner in world units."""

    def __init__(self, scene, base, corners):
        self.scene, self.base, self.corners = scene, base, corners
        self.end = scene.format.simulated

    def sees(self, number, frame, margin=22):
        """True if the actor stands in the picture, not behind the column."""
        state = self.base.states[frame].get(number)
        margin = max(margin, self.scene.one(number).width / 2 + 8)
        return state is not None and self.inside(state.x, frame, margin) and not self.behind_column(number, state.x)

    def behind_column(self, number, x):
        column = self.scene.column
        half = self.scene.one(number).width / 2
        return column is not None and column.x0 - half < x < column.x1 + half

    def inside(self, x, frame, margin=22):
        left = self.corners[frame][0]
        return left + margin < x < left + self.scene.format.view[0] - margin

    def way(self, number, first, last):
        """Length of the actor's way between two frames, along x and y."""
        a, b = self.base.states[first][number], self.base.states[min(last, self.end - 1)][number]
        return math.hypot(b.x - a.x, b.y - b.z - a.y + a.z)


class Fault:
    """One glitch in one scene. Subclasses choose their actor in `cast` and interfere in `push`, `looks` and `picture`."""

    moves = True  # False: the run stays as it is and only the drawing changes
    lag = 0  # frames from the onset until the drawing has visibly changed

    def __init__(self, glitch, strength, rng, stage):
        self.glitch, self.strength, self.rng, self.stage = glitch, strength, rng, stage
        self.scene, self.base = stage.scene, stage.base
        self.actor = self.other = self.direction = None
        self.extra = ()  # actors only this fault brings
        self.onset, self.last = 0, stage.end - 1

    def between(self, subtle, blatant):
        """A size that grows with the strength."""
        return subtle + (blatant - subtle) * self.strength

    # choosing

    def onsets(self):
        """Frames at which a glitch may begin, in random order: it must be missing first and then be seen for long."""
        end = self.stage.end
        frames = list(range(end * 22 // 100, end * 48 // 100))
        self.rng.shuffle(frames)
        return frames

    def fits(self, cast, frame):
        """Whether this actor can show the glitch from this frame on. Subclasses ask for more."""
        return True

    def seen_long(self, number, frame, seconds=1.5):
        frames = range(frame, min(frame + round(30 * seconds), self.stage.end), 3)
        return sum(self.stage.sees(number, one) for one in frames) >= 0.8 * len(frames)

    def free(self, cast, frame, way, reach):
        """Whether nothing stands, and no ramp begins, within reach on one side of the actor (way -1 or 1)."""
        state = self.base.states[frame][cast.id]
        low, high = sorted((state.x, state.x + way * (reach + cast.width / 2)))
        for number, other in self.base.states[frame].items():
            one = self.scene.one(number)
            apart = abs(other.y - state.y) > (30 if self.scene.top else (one.height + cast.height) / 2)
            if number != cast.id and not apart and low - one.width / 2 < other.x < high + one.width / 2:
                return False
        solid = [(min(ramp.x0, ramp.x1), max(ramp.x0, ramp.x1)) for ramp in self.scene.ramps]
        solid += [
            (b.x0, b.x1) for b in self.scene.blocks if b.role == "wall" and (not self.scene.top or b.y0 < state.y < b.y1)
        ]
        return all(x1 < low or x0 > high for x0, x1 in solid) and 26 < low and high < self.scene.size[0] - 26

    def cast(self):
        """Choose the actor and the onset; False if nobody in this scene can show the glitch."""
        able = [one for one in self.scene.cast if one.kind in self.glitch.kinds]
        self.rng.shuffle(able)
        for one in able:
            for frame in self.onsets()[:12]:
                if self.seen_long(one.id, frame) and self.fits(one, frame):
                    self.actor, self.onset = one.id, frame
                    self.prepare(one, self.base.states[frame][one.id])
                    return True
        return False

    def prepare(self, cast, start):
        """Draw what else the glitch needs."""

    # interfering

    def push(self, simulation, movers):
        """Called before each frame's steps from the onset on."""

    def looks(self, frame, states):
        """{actor id: Look} of a frame from the onset on."""
        return {}

    def picture(self, frame, states):
        return Picture()

    def look(self, **facts):
        return {self.actor: Look(**facts)}


class Scripted(Fault):
    """A fault that says where its actor is in each frame."""

    start = None

    def push(self, simulation, movers):
        mover = movers[self.actor]
        if self.start is None:
            self.start = simulation._state(mover)
        age = simulation.frame - self.onset + 1
        simulation.hold(mover, self.script(age, self.start))

    def script(self, age, start):
        """The State `age` frames after the onset."""
        raise NotImplementedError

    def raised(self, state, height):
        """The state lifted above where it was; below for a negative height."""
        if self.scene.top:
            return state._replace(z=state.z + height)
        return state._replace(y=state.y - height)

    def height_of(self, state, cast):
        """Free height under the actor."""
        if self.scene.top:
            return state.z
        floor = self.floor_at(state.x, state.y)
        return max(0.0, floor - state.y - cast.height / 2)

    def floor_at(self, x, y):
        floor = self.scene.floor
        for block in self.scene.blocks:
            if block.role != "end" and block.x0 < x < block.x1 and block.y0 > y and not self.scene.top:
                floor = min(floor, block.y0)
        return floor

    def bounded(self, x, half):
        return min(max(x, 28 + half), self.scene.size[0] - 28 - half)

    def blocked(self, x0, x1, y, half):
        """Whether a solid wall or ramp lies between two places on the ground (side view) or on the floor (top view)."""
        low, high = min(x0, x1) - half, max(x0, x1) + half
        for block in self.scene.blocks:
            if block.role == "wall" and block.x1 > low and block.x0 < high:
                if not self.scene.top or block.y0 - 20 < y < block.y1 + 20:
                    return True
        return any(max(r.x0, r.x1) > low and min(r.x0, r.x1) < high for r in self.scene.ramps)


def ease(age, frames):
    """0 to 1 over so many frames, softly."""
    share = min(1.0, max(0.0, age / frames))
    return share * share * (3 - 2 * share)
