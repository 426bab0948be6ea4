"""All glitches of GlitchWorld with their categories and sub-labels, and the names of the themes.

Category, domain and sub-label are the names of `annotator/taxonomy.py`; a test holds the two together, because that module
needs Django and this one must not. Within one category the glitches need different things (a mirror, glass, a bird), and
at least one of each category needs only what every scene has, so the category never depends on what a scene holds.
"""

from dataclasses import dataclass

DOMAINS = {
    "Gravity": "Mechanics",
    "Elasticity": "Mechanics",
    "Friction": "Mechanics",
    "Velocity": "Kinematics",
    "Acceleration": "Kinematics",
    "Reflection": "Optics",
    "Refraction": "Optics",
    "Absorption & Transmission": "Optics",
    "Color": "Material Properties",
    "Rigidity": "Material Properties",
    "Object Shape": "Material Properties",
    "Human Body Gesture": "Material Properties",
}
CATEGORIES = tuple(DOMAINS)

THINGS = ("ball", "crate", "barrel")
ALL_MOVING = (*THINGS, "car", "bird", "person")
FIXED = ("pole", "wall", "mirror", "water", "glass")
WHOLE = ("camera", "light")  # stand for the whole picture; every clip has both
KINDS = (*ALL_MOVING, *FIXED, *WHOLE)

SIDE_THEMES = ("meadow", "city", "factory", "desert", "snow", "castle", "moon", "harbour")
TOP_THEMES = ("town", "garden", "station")
THEMES = (*SIDE_THEMES, *TOP_THEMES)


@dataclass(frozen=True)
class Glitch:
    name: str
    category: str
    sub_label: str
    kinds: tuple[str, ...]  # kinds of actor that can show it
    directed: bool = False  # has a direction in the truth
    other: tuple[str, ...] = ()  # kinds of the second actor, where it takes two

    @property
    def domain(self):
        return DOMAINS[self.category]


_ROWS = (
    Glitch("hovering", "Gravity", "floating", (*THINGS, "person")),
    Glitch("drifting_up", "Gravity", "floating", (*THINGS, "car"), directed=True),
    Glitch("walking_on_air", "Gravity", "floating", ("person",), directed=True),
    Glitch("launched_upward", "Elasticity", "launched upward", (*THINGS, "person", "car"), directed=True),
    Glitch("growing_bounce", "Elasticity", "bounce", ("ball",)),
    Glitch("rubber_bounce", "Elasticity", "bounce", ("crate", "barrel", "car")),
    Glitch("stuck_in_terrain", "Friction", "stuck in terrain", (*THINGS, "person", "car")),
    Glitch(
        "passing_through",
        "Friction",
        "passing through",
        (*THINGS, "person", "car"),
        directed=True,
        other=(*ALL_MOVING, "wall"),
    ),
    Glitch("invisible_wall", "Friction", "invisible wall", ("ball", "person", "car"), directed=True),
    Glitch("sudden_speed", "Velocity", "sudden speed", (*THINGS, "person", "car"), directed=True),
    Glitch("teleport", "Velocity", "teleport", (*THINGS, "person", "car"), directed=True),
    Glitch("fast_action", "Velocity", "slow or fast action", ("person", "bird")),
    Glitch("slow_action", "Velocity", "slow or fast action", (*THINGS, "person", "bird", "car")),
    Glitch("looping", "Acceleration", "looping action", ALL_MOVING),
    Glitch("to_and_fro", "Acceleration", "looping action", ("ball", "barrel", "crate", "car")),
    Glitch("dropping", "Acceleration", "falling", ("ball", "bird"), directed=True),
    Glitch("ghost_reflection", "Reflection", "popping in", ("mirror", "water")),
    Glitch("flipped_camera", "Reflection", "camera clipping", ("camera",)),
    Glitch("wrong_reflection", "Reflection", "irregular reflection", ("mirror",), other=("person", *THINGS)),
    Glitch("runaway_shadow", "Refraction", "wrong shadow or brightness", (*THINGS, "person", "car"), directed=True),
    Glitch("giant_shadow", "Refraction", "wrong shadow or brightness", (*THINGS, "person", "car")),
    Glitch("brightness_fault", "Refraction", "wrong shadow or brightness", ("light",)),
    Glitch("popping_in", "Absorption & Transmission", "popping in", (*THINGS, "person", "car")),
    Glitch("popping_out", "Absorption & Transmission", "popping out", ALL_MOVING),
    Glitch("see_through", "Absorption & Transmission", "popping out", ALL_MOVING),
    Glitch("bent_light", "Absorption & Transmission", "bent light", ("glass",)),
    Glitch("camera_clipping", "Absorption & Transmission", "camera clipping", ("camera",)),
    Glitch("missing_texture", "Color", "texture fault", ALL_MOVING),
    Glitch("wrong_texture", "Color", "texture fault", ALL_MOVING),
    Glitch("colour_flicker", "Color", "texture fault", ALL_MOVING),
    Glitch("bending_pole", "Rigidity", "rigid thing bends", ("pole",)),
    Glitch("jelly", "Rigidity", "rigid thing bends", ("crate", "barrel", "car")),
    Glitch("melting", "Rigidity", "rigid thing bends", ("crate", "barrel", "car", "ball")),
    Glitch("stretched_body", "Rigidity", "pose distortion", ("person",), directed=True),
    Glitch("missing_parts", "Object Shape", "missing or detached parts", ("person", "car")),
    Glitch("detached_parts", "Object Shape", "missing or detached parts", ("person", "car")),
    Glitch("falling_apart", "Object Shape", "missing or detached parts", ("person", "car", "crate", "barrel")),
    Glitch("twisted_pose", "Human Body Gesture", "pose distortion", ("person",)),
    Glitch("spinning_limbs", "Human Body Gesture", "pose distortion", ("person",)),
    Glitch("sliding_pose", "Human Body Gesture", "pose distortion", ("person",)),
    Glitch("folded_body", "Human Body Gesture", "pose distortion", ("person",)),
)

GLITCHES = {glitch.name: glitch for glitch in _ROWS}


def of_category(category):
    """The glitches of one category, in the catalogue's order."""
    return tuple(glitch for glitch in _ROWS if glitch.category == category)
