"""Gravity, elasticity, friction."""

import math

from annotator.glitchworld.faults import Fault, Scripted, ease
from annotator.glitchworld.physics import WALL, WALL_BIT


def side_of(way):
    return "right" if way > 0 else "left"


class Hovering(Scripted):
    """Stays in the air: caught in its flight, or lifted a little and left there."""

    def prepare(self, cast, start):
        self.air = self.height_of(start, cast)
        self.to = max(0.0, self.between(34, 84) - self.air)
        self.beat = self.rng.uniform(0.10, 0.16)
        self.drift = self.rng.choice([-1, 1]) * self.between(0.1, 0.5)

    def script(self, age, start):
        bob = 5 * math.sin(age * self.beat)
        cast = self.scene.one(self.actor)
        x = self.bounded(start.x + start.vx / 30 * 5 * ease(age, 10) + self.drift * age, cast.width / 2)
        state = start._replace(x=x, vx=0.0, vy=0.0, grounded=True, action="stand")
        state = state._replace(angle=start.angle + 0.006 * age) if cast.kind != "person" else state
        return self.raised(state, self.to * ease(age, 16) + bob * ease(age, 10))


class DriftingUp(Scripted):
    """Rises slowly and steadily, like a balloon."""

    def prepare(self, cast, start):
        self.direction = "up"
        room = (start.y - start.z if self.scene.top else start.y) - 46
        frames = self.stage.end - self.onset
        self.pace = min(self.between(0.9, 2.2), max(0.5, room / frames))
        self.spin = self.rng.choice([-1, 1]) * 0.012

    def script(self, age, start):
        sway = 6 * math.sin(age * 0.08)
        state = start._replace(x=start.x + sway, angle=start.angle + self.spin * age, vx=0.0, vy=-30.0, grounded=False)
        return self.raised(state, self.pace * max(0.0, age - 4))


class WalkingOnAir(Scripted):
    """Climbs steps that are not there and walks on high above the ground."""

    def fits(self, cast, frame):
        state = self.base.states[frame][cast.id]
        return state.grounded and self.height_of(state, cast) < 12

    def prepare(self, cast, start):
        self.speed = cast.speed / 30
        self.half = cast.width / 2
        self.facing = start.facing
        x, ahead = start.x, self.speed * 50
        if not self.stage.inside(x + start.facing * ahead, min(self.onset + 50, self.stage.end - 1), 40):
            self.facing = -start.facing
        self.direction = side_of(self.facing)
        self.tall = self.between(44, 104) if not self.scene.top else self.between(30, 70)

    def script(self, age, start):
        x, facing = start.x, self.facing
        width = self.scene.size[0] - 60 - 2 * self.half
        far = (x - 30 - self.half) * facing % (2 * width) if facing > 0 else (width - (x - 30 - self.half)) % (2 * width)
        far = (far + self.speed * age) % (2 * width)
        there = far if far <= width else 2 * width - far
        moving = facing if far <= width else -facing
        x = 30 + self.half + (there if facing > 0 else width - there)
        state = start._replace(x=x, vx=moving * 60.0, vy=0.0, grounded=True, action="walk", facing=moving)
        state = state._replace(phase=start.phase + self.speed * age)
        return self.raised(state, self.tall * ease(age, 34))


class LaunchedUpward(Fault):
    """Thrown high up by nothing, again and again."""

    def fits(self, cast, frame):
        return self.base.states[frame][cast.id].grounded

    def prepare(self, cast, start):
        self.direction = "up"
        self.apex = self.between(80, 190)
        self.spin = self.rng.choice([-1, 1]) * self.between(2, 7)
        self.rest = 0

    def push(self, simulation, movers):
        mover = movers[self.actor]
        self.rest -= 1
        if simulation.grounded(mover) and self.rest <= 0:
            mover.free = False
            mover.action = "jump"
            simulation.set_rise_speed(mover, math.sqrt(2 * self.scene.theme.gravity * self.apex))
            mover.body.angular_velocity = 0 if mover.cast.kind == "person" else self.spin
            self.rest = 8


class GrowingBounce(Fault):
    """A ball that jumps higher each time it lands."""

    def prepare(self, cast, start):
        self.apex = self.between(30, 60)
        self.growth = self.between(1.25, 1.6)
        self.rest = 0

    def push(self, simulation, movers):
        mover = movers[self.actor]
        self.rest -= 1
        if simulation.grounded(mover) and self.rest <= 0:
            simulation.set_rise_speed(mover, math.sqrt(2 * self.scene.theme.gravity * self.apex))
            self.apex = min(230, self.apex * self.growth)
            self.rest = 4


class RubberBounce(Fault):
    """Something heavy that hops on hard ground as if it were made of rubber."""

    def fits(self, cast, frame):
        return self.base.states[frame][cast.id].grounded

    def prepare(self, cast, start):
        self.apex = self.between(26, 74)
        self.rest = 0

    def push(self, simulation, movers):
        mover = movers[self.actor]
        self.rest -= 1
        if simulation.grounded(mover) and self.rest <= 0:
            mover.free = False
            simulation.set_rise_speed(mover, math.sqrt(2 * self.scene.theme.gravity * self.apex))
            mover.body.angular_velocity = 0.0
            self.rest = 4


class StuckInTerrain(Scripted):
    """Sinks into solid ground and trembles there."""

    def fits(self, cast, frame):
        state = self.base.states[frame][cast.id]
        return state.grounded and self.height_of(state, cast) < 6

    def prepare(self, cast, start):
        self.deep = cast.height * self.between(0.35, 0.62)
        self.kind = cast.kind

    def script(self, age, start):
        shake = (age * 7 % 5 - 2) * self.between(0.5, 1.6) if age > 8 else 0.0
        state = start._replace(
            x=start.x + shake, vx=0.0, vy=0.0, grounded=True, angle=0.0 if self.kind == "car" else start.angle
        )
        if self.kind == "person":
            state = state._replace(action="walk", phase=start.phase + 2.6 * age)
        return self.raised(state, -self.deep * ease(age, 12))

    def looks(self, frame, states):
        state, cast = states[self.actor], self.scene.one(self.actor)
        floor = self.start.y + cast.height / 2 + 5
        if self.scene.top:
            floor = state.y + max(16.0, cast.height * 0.3) / 2
        return self.look(sunk=floor)


class PassingThrough(Fault):
    """Goes straight through something solid. Begins where the run without the glitch has the two touch."""

    def cast(self):
        options = []
        for contact in self.base.contacts:
            other, end = contact.other, self.stage.end
            if not end * 0.12 < contact.frame < end * 0.72 or contact.actor > 900:
                continue
            if abs(contact.nx) < 0.7 or contact.speed < 45 or not (other == WALL or other > 0):
                continue
            kind = self.scene.one(contact.actor).kind
            if kind in self.glitch.kinds and self.stage.sees(contact.actor, contact.frame, 40):
                options.append(contact)
        wall = next((one.id for one in self.scene.cast if one.kind == "wall"), None)
        self.rng.shuffle(options)
        for contact in options:
            if contact.other == WALL and not self._is_first_wall(contact):
                continue
            self.actor, self.onset = contact.actor, max(0, contact.frame - 3)
            self.other = wall if contact.other == WALL else contact.other
            self.to_wall = contact.other == WALL
            self.way = 1 if contact.nx > 0 else -1
            self.direction = side_of(self.way)
            self.speed = max(70.0, min(contact.speed, 150.0))
            return True
        return False

    def _is_first_wall(self, contact):
        """Only the first wall is an actor of the truth."""
        wall = next(block for block in self.scene.blocks if block.role == "wall")
        return abs(self.base.states[contact.frame][contact.actor].x - (wall.x0 + wall.x1) / 2) < 110

    def push(self, simulation, movers):
        mover = movers[self.actor]
        simulation.ignore(mover, WALL_BIT if self.to_wall else movers[self.other].bit)
        mover.free = False
        mover.action = "walk"
        mover.facing = self.way
        x = mover.body.position.x
        width = self.scene.size[0]
        if 60 + mover.cast.width / 2 < x < width - 60 - mover.cast.width / 2:
            mover.body.velocity = (self.way * self.speed, mover.body.velocity.y)

    def looks(self, frame, states):
        return self.look(merged=self.to_wall)


class InvisibleWall(Fault):
    """Held up by something that is not there."""

    def fits(self, cast, frame):
        state = self.base.states[frame][cast.id]
        return abs(state.vx) > 30 and state.grounded and self.stage.way(cast.id, frame, frame + 24) > 24

    def prepare(self, cast, start):
        way = 1 if start.vx > 0 else -1
        self.direction = side_of(way)
        self.way, self.x, self.kind = way, start.x, cast.kind
        self.pace = max(1.6, abs(start.vx) / 30)
        self.start = None

    def push(self, simulation, movers):
        mover = movers[self.actor]
        if self.kind == "ball":
            x = mover.body.position.x
            near, far = sorted((self.x, self.x - self.way * self.between(40, 70)))
            vx = mover.body.velocity.x
            if (x >= far and vx > 0) or (x <= near and vx < 0):
                mover.body.velocity = (-vx * 0.98, mover.body.velocity.y)
                mover.body.angular_velocity = -mover.body.angular_velocity
            return
        if self.start is None:
            self.start = simulation._state(mover)
        age = simulation.frame - self.onset + 1
        push = abs(math.sin(age * 0.45)) * 5 * self.way
        phase = self.start.phase + self.pace * age
        state = self.start._replace(x=self.start.x + push, vx=self.way * 40.0, phase=phase, action="walk", facing=self.way)
        simulation.hold(mover, state)
