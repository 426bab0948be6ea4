"""The 4 domains and 12 categories of PhysGame, with the exact public names, and the sub-labels under each.

Code, not data: names appear in published files, so they never change with the interface language. What a person reads
(`label`, `definition`, `example`) is translated; `name` is not.
"""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Category:
    name: str
    label: str
    domain: str
    definition: str
    example: str
    colour: str
    public_count: int  # questions in the public PhysGame, the target share of this category
    sub_labels: tuple[tuple[str, str], ...]  # (name in files, label)


DOMAINS = {
    "Mechanics": _("Mechanics"),
    "Kinematics": _("Kinematics"),
    "Optics": _("Optics"),
    "Material Properties": _("Material properties"),
}

_ROWS = [
    Category(
        "Gravity",
        _("Gravity"),
        "Mechanics",
        _("Something is held up, or held down, by nothing."),
        _("A crate hangs in the air after the shelf below it is gone."),
        "#3b6fd4",
        71,
        (("floating", _("floating or hovering")),),
    ),
    Category(
        "Elasticity",
        _("Elasticity"),
        "Mechanics",
        _("A contact gives back far more, or far less, than it took."),
        _("A barrel touches the kerb and is launched over the roofs."),
        "#2f8fc4",
        80,
        (("launched upward", _("rising or launched upward")), ("bounce", _("wrong bounce"))),
    ),
    Category(
        "Friction",
        _("Friction"),
        "Mechanics",
        _("Surfaces in contact do not hold, stop or separate as they should."),
        _("A car drives halfway into a wall and stays there, wheels turning."),
        "#1f9e97",
        176,
        (
            ("stuck in terrain", _("stuck in the terrain")),
            ("passing through", _("things pass through each other")),
            ("invisible wall", _("blocked by a wall that is not there")),
        ),
    ),
    Category(
        "Velocity",
        _("Velocity"),
        "Kinematics",
        _("A speed that nothing in the scene can have given."),
        _("A parked car is at 200 mph one frame later."),
        "#6d8f1f",
        94,
        (
            ("sudden speed", _("sudden or impossible speed")),
            ("teleport", _("sudden change of place")),
            ("slow or fast action", _("an action far too slow or too fast")),
        ),
    ),
    Category(
        "Acceleration",
        _("Acceleration"),
        "Kinematics",
        _("Motion changes over time in a way no force explains."),
        _("A walker steps back to the same spot again and again."),
        "#a08a12",
        88,
        (("looping action", _("an action repeats itself")), ("falling", _("falls or drops for no reason"))),
    ),
    Category(
        "Reflection",
        _("Reflection"),
        "Optics",
        _("Mirrors, water or the camera show what cannot be there."),
        _("The mirror shows a man who is not in the room."),
        "#c9761a",
        46,
        (
            ("popping in", _("something appears from nothing")),
            ("camera clipping", _("the camera cuts into things")),
            ("irregular reflection", _("irregular reflection or refraction")),
        ),
    ),
    Category(
        "Refraction",
        _("Refraction"),
        "Optics",
        _("Light or shadow falls where it cannot."),
        _("The shadow points towards the lamp."),
        "#d1592f",
        28,
        (("wrong shadow or brightness", _("wrong shadow or brightness")),),
    ),
    Category(
        "Absorption & Transmission",
        _("Absorption & transmission"),
        "Optics",
        _("Something lets light through, or stops it, as it should not; or is there one moment and gone the next."),
        _("A truck fades out while it drives past."),
        "#c4415f",
        59,
        (
            ("popping in", _("something appears from nothing")),
            ("popping out", _("something disappears")),
            ("bent light", _("light rays are bent")),
            ("camera clipping", _("the camera cuts into things")),
        ),
    ),
    Category(
        "Color",
        _("Colour"),
        "Material Properties",
        _("A surface has the wrong colour or texture."),
        _("A face is drawn with the texture of a brick wall."),
        "#a24bb0",
        45,
        (("texture fault", _("wrong texture or colour")),),
    ),
    Category(
        "Rigidity",
        _("Rigidity"),
        "Material Properties",
        _("What should be stiff bends, or what should give does not."),
        _("A lamp post folds like rope and straightens again."),
        "#7d58c9",
        74,
        (("rigid thing bends", _("a rigid thing bends")), ("pose distortion", _("distorted pose"))),
    ),
    Category(
        "Object Shape",
        _("Object shape"),
        "Material Properties",
        _("Parts of a body or a thing are missing, doubled or apart."),
        _("The rider's head floats beside the horse."),
        "#5a62c7",
        32,
        (("missing or detached parts", _("missing or detached parts")),),
    ),
    Category(
        "Human Body Gesture",
        _("Human body gesture"),
        "Material Properties",
        _("A person stands, bends or moves as no body can."),
        _("A guard's legs turn backwards while he walks on."),
        "#8a6a52",
        87,
        (("pose distortion", _("distorted pose")),),
    ),
]

CATEGORIES = {category.name: category for category in _ROWS}
CATEGORY_CHOICES = [(category.name, category.label) for category in _ROWS]
PUBLIC_TOTAL = sum(category.public_count for category in _ROWS)


def domain_of(category):
    """The domain of a category name; KeyError for an unknown one."""
    return CATEGORIES[category].domain


def by_domain():
    """[(domain name, domain label, [Category, ...]), ...] in the published order."""
    return [(name, label, [category for category in _ROWS if category.domain == name]) for name, label in DOMAINS.items()]


STEMS = (
    _("What best describes the glitch observed in the video?"),
    _("What is the description of the glitch in the video?"),
    _("How would you describe the glitch in the video?"),
    _("What glitch is present in the gameplay footage?"),
    _("Which event in the game breaks the laws of physics?"),
)
