"""Velocity and acceleration."""

import math

from annotator.glitchworld.faults import Fault, Scripted
from annotator.glitchworld.faults_mechanics import side_of


class SuddenSpeed(Fault):
    """Shoots off without a push, to and fro between whatever stops it."""

    def fits(self, cast, frame):
        state = self.base.states[frame][cast.id]
        if not state.grounded or abs(state.vx) > 160:
            return False
        far = 1 if state.x < self.stage.corners[frame][0] + self.scene.format.view[0] / 2 else -1
        reach = 150 if self.scene.format.wide else 90
        self.way = next((way for way in (far, -far) if self.free(cast, frame, way, reach)), None)
        return self.way is not None

    def prepare(self, cast, start):
        self.direction = side_of(self.way)
        self.speed = self.between(420, 820)
        self.stuck = self.rest = 0

    def push(self, simulation, movers):
        mover = movers[self.actor]
        mover.free = False
        mover.action = "walk"
        mover.body.angular_velocity = 0.0
        if self.rest:  # it stops dead and gathers itself for the next dash
            self.rest -= 1
            mover.body.velocity = (0.0, max(0.0, mover.body.velocity.y))
            return
        if simulation.frame > self.onset + 2 and mover.body.velocity.x * self.way < self.speed * 0.4:
            self.stuck += 1
            if self.stuck >= 2:
                self.way, self.stuck, self.rest = -self.way, 0, 12
        mover.facing = self.way
        mover.body.velocity = (self.way * self.speed, max(-40.0, mover.body.velocity.y))


class Teleport(Scripted):
    """Is at another place from one frame to the next, more than once."""

    def fits(self, cast, frame):
        state = self.base.states[frame][cast.id]
        return state.grounded and self.height_of(state, cast) < 8 and self.stage.way(cast.id, frame, frame + 10) < 40

    def prepare(self, cast, start):
        self.stay = self.rng.randint(18, 26)
        self.places = []
        x, y = start.x, start.y
        least = self.between(70, 120)
        for jump in range(8):
            frame = min(self.stage.end - 1, self.onset + jump * self.stay)
            for _ in range(40):
                left = self.stage.corners[frame][0]
                to = self.bounded(left + self.rng.uniform(34, self.scene.format.view[0] - 34), cast.width / 2)
                if (
                    abs(to - x) > least
                    and not self.blocked(to, to, y, cast.width / 2)
                    and not self._crowded(to, y, cast, frame)
                ):
                    break
            else:
                to = x
            if jump == 0:
                self.direction = side_of(to - x)
            x = to
            self.places.append(to)

    def _crowded(self, x, y, cast, frame):
        return any(
            abs(state.x - x) < (cast.width + 40) / 2 and abs(state.y - y) < 60
            for number, state in self.base.states[frame].items()
            if number != self.actor
        )

    def script(self, age, start):
        x = self.places[min((age - 1) // self.stay, len(self.places) - 1)]
        y = start.y if self.scene.top else self.floor_at(x, 0) - self.scene.one(self.actor).height / 2
        state = start._replace(x=x, y=y, vx=0.0, vy=0.0, grounded=True)
        return state._replace(action="stand") if self.scene.one(self.actor).kind == "person" else state


class FastAction(Fault):
    """Moves its limbs and itself several times too fast."""

    def fits(self, cast, frame):
        state = self.base.states[frame][cast.id]
        reach = 130 if self.scene.format.wide else 60
        return cast.kind == "bird" or state.action == "walk" and self.free(cast, frame, state.facing, reach)

    def prepare(self, cast, start):
        self.tempo = self.between(2.8, 5.5)

    def push(self, simulation, movers):
        mover = movers[self.actor]
        mover.tempo = self.tempo
        if mover.cast.kind == "person" and mover.action != "walk":
            mover.action, mover.way = "walk", mover.facing


class _Replay(Scripted):
    """The run without the glitch, played to this actor in another order."""

    def script(self, age, start):
        at = self.place_in_time(age)
        low = min(math.floor(at), self.stage.end - 1)
        high = min(low + 1, self.stage.end - 1)
        share = at - math.floor(at)
        a, b = self.base.states[low][self.actor], self.base.states[high][self.actor]

        def mix(one, other):
            return one + (other - one) * share

        return a._replace(
            x=mix(a.x, b.x), y=mix(a.y, b.y), z=mix(a.z, b.z), angle=mix(a.angle, b.angle), phase=mix(a.phase, b.phase)
        )


class SlowAction(_Replay):
    """Goes on in extreme slow motion while everything else keeps its pace."""

    def fits(self, cast, frame):
        return self.stage.way(cast.id, frame, frame + 20) > 44

    def prepare(self, cast, start):
        self.tempo = self.between(0.34, 0.1)

    def place_in_time(self, age):
        return self.onset + self.tempo * age


class Looping(_Replay):
    """Does the same short thing again and again, snapping back each time."""

    def fits(self, cast, frame):
        wide = self.scene.format.wide
        self.length = self.rng.randint(28, 33) if wide else self.rng.randint(18, 21)
        if frame < self.length or self.stage.way(cast.id, frame - self.length, frame) < (46 if wide else 32):
            return False
        xs = [states[cast.id].x for states in self.base.states[frame - self.length : frame]]
        return all(self.stage.inside(x, frame) and not self.stage.behind_column(cast.id, x) for x in xs)

    def place_in_time(self, age):
        return self.onset - self.length + (age - 1) % self.length


class ToAndFro(Scripted):
    """Runs back and forth on level ground, speeding up and turning without any cause."""

    def fits(self, cast, frame):
        state = self.base.states[frame][cast.id]
        if not state.grounded or self.height_of(state, cast) > 6 or abs(state.vx) > 60:
            return False
        self.far = self.between(60, 120) * (1.0 if self.scene.format.wide else 0.65)
        ways = [way for way in (-1, 1) if self.stage.inside(state.x + way * self.far, frame, cast.width / 2)]
        self.sign = next((way for way in ways if self.free(cast, frame, way, self.far)), None)
        return self.sign is not None

    def prepare(self, cast, start):
        self.turn = 2 * math.pi / self.rng.uniform(26, 36)
        self.radius = cast.width / 2
        self.kind = cast.kind

    def script(self, age, start):
        away = self.sign * self.far * (1 - math.cos(age * self.turn)) / 2
        vx = self.sign * self.far * self.turn * 15 * math.sin(age * self.turn)
        state = start._replace(x=start.x + away, vx=vx, vy=0.0, grounded=True)
        if self.kind == "ball":
            state = state._replace(angle=start.angle + away / self.radius)
        return state._replace(phase=start.phase + away * start.facing)


class Dropping(Scripted):
    """Loses its flight at once and is pulled down as if by a magnet."""

    def fits(self, cast, frame):
        return self.height_of(self.base.states[frame][cast.id], cast) > 46

    def prepare(self, cast, start):
        self.direction = "down"
        self.pull = self.between(2.5, 6.0)
        self.air = self.height_of(start, cast)

    def script(self, age, start):
        fallen = min(self.air, 0.5 * self.scene.theme.gravity * self.pull * (age / 30) ** 2 + 4 * age)
        state = start._replace(vx=0.0, vy=0.0 if fallen == self.air else 300.0, grounded=fallen == self.air)
        return self.raised(state, -fallen)
