"""One clip: the scene of a seed, its run, the glitch if it has one, its frames and its truth."""

import math
from functools import cached_property

import cv2
import numpy as np

from annotator.glitchworld import catalogue, faults_kinematics, faults_matter, faults_mechanics, faults_optics
from annotator.glitchworld.deeds import deeds
from annotator.glitchworld.faults import Fault, Stage
from annotator.glitchworld.look import Picture
from annotator.glitchworld.painter import Painter
from annotator.glitchworld.physics import GROUND, Simulation
from annotator.glitchworld.scene import deal
from annotator.glitchworld.streams import stream
from annotator.glitchworld.truth import BLATANT, WORLD, ActorTruth, ClipTruth, GlitchTruth, Lookalike, Without

_MODULES = (faults_mechanics, faults_kinematics, faults_optics, faults_matter)
_ATTEMPTS = 12
_PICTURE = Picture()


def _fault_class(name):
    """The class of a glitch: its name in the catalogue, written together."""
    wanted = name.title().replace("_", "")
    for module in _MODULES:
        if hasattr(module, wanted):
            return getattr(module, wanted)
    raise KeyError(name)


FAULTS: dict[str, type[Fault]] = {name: _fault_class(name) for name in catalogue.GLITCHES}


def camera_path(scene, base):
    """(x, y) of the view's corner for each frame, in canvas pixels. Follows the first person of the run without a glitch."""
    scale, theme = 2 * scene.format.scale, scene.theme
    view = scene.format.view[0]
    room = round(scene.size[0] * scale) - 2 * scene.format.width  # none at the plain level, whose camera stands still
    hero = next(one.id for one in scene.cast if one.kind == "person")
    dice = stream(scene.seed, theme.name, "camera")
    x = min(max(base.states[0][hero].x - view / 2 + dice.uniform(-60, 60), 0), scene.size[0] - view)
    pan = dice.choice([-1, 1]) * dice.uniform(0.0, 0.5)
    path = []
    for frame, states in enumerate(base.states):
        x += (states[hero].x - view / 2 - x) * theme.camera * 0.35 + pan
        x = min(max(x, 0), scene.size[0] - view)
        shake = 0
        for start in scene.shakes:
            age = frame - start
            if 0 <= age < 12:
                shake += (5, -4, 3, -3, 2, -2, 2, -1, 1, -1, 1, 0)[age] * scale / 2
        path.append((min(max(round(x * scale + shake), 0), room), 0))
    return path


class Clip:
    """`frames()` draws; `truth()` is known only afterwards, since boxes come from what was drawn."""

    def __init__(self, clip_id, scene, base, camera, fault):
        self.clip_id, self.scene, self.base, self.camera, self.fault = clip_id, scene, base, camera, fault
        self.format = scene.format
        self.run = Simulation(scene).run(fault) if fault is not None and fault.moves else base
        self._boxes = []

    def twin(self):
        """The same clip without its glitch."""
        return Clip(f"{self.clip_id}-twin", self.scene, self.base, self.camera, None)

    # drawing

    @cached_property
    def painter(self):
        return Painter(self.scene, self.camera)

    def _render(self, painter, frame):
        fault, states = self.fault, self.run.states[frame]
        if fault is None or frame < fault.onset:
            return painter.frame(frame, states, {}, _PICTURE)
        return painter.frame(frame, states, fault.looks(frame, states), fault.picture(frame, states), fault.extra)

    def frames(self):
        """Yield the frames, uint8 (height, width, 3) BGR."""
        self._boxes = []
        for frame in range(0, self.format.simulated, self.format.every):
            image, boxes = self._render(self.painter, frame)
            self._boxes.append(boxes)
            yield image

    def pictures(self, wanted):
        """[(image, boxes)] of these simulated frames alone; the truth is not known from them."""
        return [self._render(self.painter, frame) for frame in wanted]

    def array(self, still=None):
        """All frames as uint8 (frames, height, width, 3) RGB, after the compression a small video would have had.

        With `still`, the number of a frame, that one stands in place of all.
        """
        quality = 96 - 4 * self.scene.quality
        out = np.empty((self.format.frames, self.format.height, self.format.width, 3), np.uint8)
        for index, image in enumerate(self.frames()):
            _, packed = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))
            out[index] = cv2.imdecode(packed, cv2.IMREAD_COLOR_RGB)
        if still is not None:
            out[:] = out[still].copy()
        return out

    # truth

    def truth(self, *, video=None, row=None, twin=None, still=None):
        """What is true of the drawn clip. Call after `frames()` has ended."""
        scene, format = self.scene, self.format
        glitch = self._glitch() if self.fault else None
        return ClipTruth(
            clip_id=self.clip_id,
            seed=scene.seed,
            world=WORLD,
            theme=scene.theme.name,
            view=scene.theme.view,
            fps=format.fps,
            frames=format.frames,
            width=format.width,
            height=format.height,
            video=video,
            row=row,
            twin=twin,
            glitch=glitch,
            actors=self._actors(),
            scene=scene.features(),
            lookalikes=self._lookalikes(),
            without=self._without() if self.fault else None,
            still=still,
        )

    def _track(self, number):
        return tuple(boxes.get(number) for boxes in self._boxes)

    def _actors(self):
        still = (("rests", None),)
        actors = [
            ActorTruth(faults_optics.CAMERA, "camera", None, "the camera", still, self._track(faults_optics.CAMERA)),
            ActorTruth(faults_optics.LIGHT, "light", None, "the light", still, self._track(faults_optics.LIGHT)),
        ]
        for cast in (*self.scene.cast, *(self.fault.extra if self.fault else ())):
            does = deeds(cast, self.run, self.scene.top)
            actors.append(ActorTruth(cast.id, cast.kind, cast.colour, cast.words, does, self._track(cast.id)))
        return tuple(actors)

    def _glitch(self):
        fault, glitch, every = self.fault, self.fault.glitch, self.format.every
        first = min(-(-self._first_seen() // every), self.format.frames - 1)
        track = self._track(fault.actor)
        shown = [frame for frame in range(first, self.format.frames) if track[frame] is not None]
        last = self.format.frames - 1 if glitch.name == "popping_out" or not shown else shown[-1]
        return GlitchTruth(
            name=glitch.name,
            category=glitch.category,
            domain=glitch.domain,
            sub_label=glitch.sub_label,
            strength=round(fault.strength, 3),
            actor=fault.actor,
            other=fault.other,
            direction=fault.direction,
            first_frame=first,
            last_frame=max(first, last),
        )

    def _first_seen(self):
        """The simulated frame from which on a viewer can tell this run from the other."""
        fault = self.fault
        if not fault.moves:
            return fault.onset + fault.lag
        for frame in range(fault.onset, self.format.simulated):
            ours, other = self.run.states[frame].get(fault.actor), self.base.states[frame].get(fault.actor)
            if ours is None or other is None:
                if ours is not other:
                    return frame
                continue
            far = abs(ours.x - other.x) + abs(ours.y - other.y) + abs(ours.z - other.z)
            if far > 3 or abs(ours.phase - other.phase) > 6:
                return frame
        return fault.onset

    def _without(self):
        cast = next((one for one in self.scene.cast if one.id == self.fault.actor), None)
        if cast is None:
            return (
                Without((), None)
                if self.fault.actor not in (faults_optics.CAMERA, faults_optics.LIGHT)
                else Without((("rests", None),), (0, 0, self.format.width, self.format.height))
            )
        return Without(deeds(cast, self.base, self.scene.top), self._final_box(cast.id))

    def _final_box(self, number):
        """Box in the last drawn frame of the run without the glitch."""
        frame = (self.format.frames - 1) * self.format.every
        return self.painter.boxes(frame, *self.painter.placed(frame, self.base.states[frame], {})).get(number)

    def _lookalikes(self):
        found, every = [], self.format.every
        seen = set()
        for contact in self.run.contacts:
            frame = contact.frame // every
            name = None
            if contact.other == 0:
                name = "portal"
            elif contact.other == GROUND and contact.speed > 170 and self.scene.one(contact.actor).kind == "ball":
                name = "real bounce"
            if name and (name, contact.actor) not in seen:
                seen.add((name, contact.actor))
                found.append(Lookalike(name, contact.actor, frame))
        if self.scene.column:
            column = self.scene.column
            for cast in self.scene.cast:
                for frame, states in enumerate(self.run.states):
                    state = states.get(cast.id)
                    if state and column.x0 < state.x - cast.width / 2 and state.x + cast.width / 2 < column.x1:
                        found.append(Lookalike("occlusion", cast.id, frame // every))
                        break
        if self.scene.lamp and self.scene.lamp_changes and self.format.simulated > 45:
            found.append(Lookalike("lamp changes colour", faults_optics.LIGHT, -(-45 // every)))
        return tuple(found)


def plan(*, seed, theme, format, category=None, glitch=None, strength=None):
    """The clip of a seed: with a glitch of `category`, with this `glitch`, or without any.

    The scene is dealt before and apart from the glitch. Where no actor of the scene can show the wanted one, the next
    scene of the same seed is taken. Raises LookupError when none of them fits.
    """
    clip_id = f"gw{WORLD}-{theme}-{seed}"
    names = [glitch] if glitch else []
    dice = stream(seed, theme, "glitch")
    if category is not None:
        names = [one.name for one in catalogue.of_category(category)]
        dice.shuffle(names)
    if strength is None:  # subtle ones are rarer, and the plain level has none
        strength = dice.uniform(BLATANT, 1) if format.plain else 0.2 + 0.8 * math.sqrt(dice.random())
    for attempt in range(_ATTEMPTS):
        scene = deal(seed, theme, format, attempt)
        base = Simulation(scene).run()
        camera = camera_path(scene, base)
        if not names:
            return Clip(clip_id, scene, base, camera, None)
        scale = 2 * format.scale
        stage = Stage(scene, base, [(x / scale, y / scale) for x, y in camera])
        for name in names:
            fault = FAULTS[name](catalogue.GLITCHES[name], strength, stream(seed, theme, "fault", name, attempt), stage)
            if fault.cast():
                return Clip(clip_id, scene, base, camera, fault)
    raise LookupError(f"No scene of seed {seed} in {theme} can show {' or '.join(names)}.")
