"""Short clips for the demo, drawn with ffmpeg's own sources: one scene per category in which boxes break a law.

`t` in the expressions is seconds; W, H, w, h are ffmpeg's names for the sizes of picture and box.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import ffmpeg
import imageio_ffmpeg

SIZE, FPS, SECONDS = (960, 540), 30, 8
_GROUND = 430


@dataclass(frozen=True)
class Box:
    colour: str
    size: tuple[int, int]
    x: str
    y: str
    when: str = "1"
    turn: str = ""  # angle in radians over time
    source: str = "color"  # or testsrc, for a texture that does not belong


@dataclass(frozen=True)
class Scene:
    title: str
    category: str
    sub_label: str
    span_s: tuple[float, float]
    correct: str
    distractors: tuple[str, str, str]
    boxes: tuple[Box, ...]


_WALKER = Box("#31343f", (26, 60), "40+55*t", f"{_GROUND}-60")
_SHELF = Box("#6b4f35", (150, 14), "560", "250")

SCENES = (
    Scene(
        "crate forgot about gravity",
        "Gravity",
        "floating",
        (2.0, 7.5),
        "The red crate stays in the air after the shelf below it slides away.",
        (
            "The red crate slides up the shelf on its own.",
            "The walker sinks into the ground up to the waist.",
            "The shelf passes through the walker without touching.",
        ),
        (Box("#6b4f35", (150, 14), "if(lt(t,2),560,560+220*(t-2))", "250"), Box("#c4453c", (60, 60), "605", "190"), _WALKER),
    ),
    Scene(
        "barrel goes to space",
        "Elasticity",
        "launched upward",
        (3.0, 5.0),
        "The barrel touches the kerb and is thrown far above the roofs.",
        (
            "The barrel rolls through the kerb as if it were not there.",
            "The kerb lifts off the ground when the barrel arrives.",
            "The barrel stops dead and then rolls back uphill.",
        ),
        (
            Box("#8a8f98", (60, 18), "520", f"{_GROUND}-18"),
            Box("#3f6f9e", (46, 46), "60+150*t", f"if(lt(t,3),{_GROUND}-46,{_GROUND}-46-420*(t-3))"),
            _WALKER,
        ),
    ),
    Scene(
        "car parks inside the house",
        "Friction",
        "passing through",
        (3.2, 6.0),
        "The yellow car drives straight through the brick wall.",
        (
            "The yellow car bounces off the wall and flies away.",
            "The wall falls over before the car reaches it.",
            "The yellow car vanishes in front of the wall.",
        ),
        (Box("#9c4a3c", (44, 170), "520", f"{_GROUND}-170"), Box("#d8b021", (110, 44), "40+130*t", f"{_GROUND}-44")),
    ),
    Scene(
        "zero to light speed",
        "Velocity",
        "sudden speed",
        (4.0, 5.0),
        "The parked car is suddenly many times faster without anything pushing it.",
        (
            "The parked car turns into a barrel.",
            "The parked car slowly sinks into the road.",
            "The parked car casts a shadow towards the lamp.",
        ),
        (Box("#3a7d52", (110, 44), "if(lt(t,4),120,120+1500*(t-4))", f"{_GROUND}-44"), _WALKER),
    ),
    Scene(
        "guard stuck in a loop",
        "Acceleration",
        "looping action",
        (1.5, 8.0),
        "The walker jumps back to the same spot again and again.",
        (
            "The walker floats above the ground while walking.",
            "The walker walks through the closed gate.",
            "The walker grows taller with each step.",
        ),
        (
            Box("#7a7f8a", (30, 150), "640", f"{_GROUND}-150"),
            Box("#31343f", (26, 60), "200+130*mod(t,1.5)", f"{_GROUND}-60"),
        ),
    ),
    Scene(
        "that mirror is lying",
        "Reflection",
        "irregular reflection",
        (0.5, 8.0),
        "The figure in the mirror walks away while the walker comes closer.",
        (
            "The mirror falls off the wall and hangs in the air.",
            "The walker climbs into the mirror.",
            "The walker's legs turn backwards.",
        ),
        (Box("#b9d6e2", (230, 220), "600", "140"), Box("#6d7682", (20, 48), "620+24*t", "290"), _WALKER),
    ),
    Scene(
        "shadows have their own mind",
        "Refraction",
        "wrong shadow or brightness",
        (0.5, 8.0),
        "The shadow of the crate wanders around while crate and lamp stand still.",
        (
            "The lamp hangs in the air without a post.",
            "The crate slides along the ground without a push.",
            "The crate becomes see-through.",
        ),
        (
            Box("#f4dc8c", (34, 34), "140", "90"),
            Box("#55585f", (80, 12), "460+150*sin(2*t)", f"{_GROUND}+6"),
            Box("#b5651d", (64, 64), "470", f"{_GROUND}-64"),
        ),
    ),
    Scene(
        "where did the truck go",
        "Absorption & Transmission",
        "popping out",
        (4.0, 8.0),
        "The blue truck disappears while it drives along the open road.",
        (
            "The blue truck drives through the walker.",
            "The blue truck tips over without being touched.",
            "The blue truck doubles its speed at once.",
        ),
        (Box("#2f5fb3", (150, 70), "30+110*t", f"{_GROUND}-70", "lt(t,4)"), _WALKER),
    ),
    Scene(
        "wrong texture pack",
        "Color",
        "texture fault",
        (3.0, 8.0),
        "The crate is suddenly covered with a test pattern.",
        ("The crate shrinks to half its size.", "The crate rises into the air.", "The crate splits into two parts."),
        (
            Box("#b5651d", (90, 90), "430", f"{_GROUND}-90", "lt(t,3)"),
            Box("", (90, 90), "430", f"{_GROUND}-90", "gte(t,3)", source="testsrc"),
            _WALKER,
        ),
    ),
    Scene(
        "rubber lamp post",
        "Rigidity",
        "rigid thing bends",
        (2.0, 7.0),
        "The lamp post sways from side to side like rubber.",
        (
            "The lamp post sinks into the ground.",
            "The lamp post changes its colour.",
            "The lamp post is thrown into the air.",
        ),
        (Box("#5b606b", (16, 260), "600", f"{_GROUND}-260", turn="if(between(t,2,7),0.5*sin(4*(t-2)),0)"), _WALKER),
    ),
    Scene(
        "mind over matter",
        "Object Shape",
        "missing or detached parts",
        (1.0, 8.0),
        "The walker's head floats beside the body.",
        (
            "The walker's body sinks into the ground.",
            "The walker passes through the shelf.",
            "The walker slides without moving the legs.",
        ),
        (
            Box("#31343f", (28, 62), "100+60*t", f"{_GROUND}-62"),
            Box("#e0b48c", (24, 24), "if(lt(t,1),102+60*t,170+60*t)", f"{_GROUND}-88"),
            _SHELF,
        ),
    ),
    Scene(
        "yoga master",
        "Human Body Gesture",
        "pose distortion",
        (2.0, 8.0),
        "The walker's body spins around like a propeller while walking.",
        (
            "The walker's body turns invisible.",
            "The walker is thrown back by the shelf.",
            "The walker leaves a second body behind.",
        ),
        (Box("#31343f", (26, 74), "80+70*t", f"{_GROUND}-80", turn="if(gt(t,2),5*(t-2),0)"), _SHELF),
    ),
)


def scene(index):
    return SCENES[index % len(SCENES)]


def render(index, path):
    """Write clip number `index` as an mp4 to `path`; the same index gives the same picture, other indexes other colours."""
    width, height = SIZE
    lavfi = {"f": "lavfi", "t": SECONDS}
    picture = ffmpeg.input(
        f"gradients=s={width}x{height}:r={FPS}:c0=#8fc1e3:c1=#dfeaf2:x0=0:y0=0:x1=0:y1={height}:speed=0.00001:n=2:seed=1",
        **lavfi,
    )
    picture = picture.drawbox(x=0, y=_GROUND, width=width, height=height - _GROUND, color="#6f8f5f", thickness="fill")
    picture = picture.drawbox(x=16, y=16, width=150, height=12, color="#d64541", thickness="fill")
    for box in scene(index).boxes:
        size = f"{box.size[0]}x{box.size[1]}"
        colour = f"c={box.colour}:" if box.source == "color" else ""
        layer = ffmpeg.input(f"{box.source}={colour}s={size}:r={FPS}", **lavfi).filter("format", "rgba")
        if box.turn:
            room = max(box.size) * 2
            layer = layer.filter("pad", room, room, "(ow-iw)/2", "(oh-ih)/2", color="black@0")
            layer = layer.filter("rotate", box.turn, c="black@0")
            shift = (room - box.size[0]) // 2, (room - box.size[1]) // 2
            x, y = f"{box.x}-{shift[0]}", f"{box.y}-{shift[1]}"
        else:
            x, y = box.x, box.y
        picture = ffmpeg.overlay(picture, layer, x=x, y=y, enable=box.when)
    if index >= len(SCENES):
        picture = picture.filter("hue", h=index // len(SCENES) * 29 % 360)
    sound = ffmpeg.input(f"sine=f={180 + index % 40 * 12}:r=44100", **lavfi).filter("volume", 0.08)
    output = ffmpeg.output(
        picture,
        sound,
        f"file:{Path(path).resolve()}",
        vcodec="libx264",
        acodec="aac",
        pix_fmt="yuv420p",
        preset="veryfast",
        crf=23,
    )
    command = output.global_args("-hide_banner", "-loglevel", "error", "-nostdin").overwrite_output()
    subprocess.run(command.compile(cmd=imageio_ffmpeg.get_ffmpeg_exe()), check=True, timeout=120, stdin=subprocess.DEVNULL)
