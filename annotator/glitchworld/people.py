"""Stick people: how their joints move when they walk, wave and jump, and the parts to draw."""

import math
from typing import NamedTuple

from annotator.glitchworld.themes import COLOURS

SKINS = ((150, 190, 232), (112, 152, 205), (74, 108, 160), (48, 72, 112))
TROUSERS = ((92, 62, 44), (70, 70, 76), (52, 84, 112), (104, 96, 60))
HAIRS = ((30, 34, 44), (40, 72, 120), (60, 150, 210), (150, 150, 156))


class Pose(NamedTuple):
    """Angles in radians. Limbs: 0 hangs down, positive is forward; knees and elbows add to the limb above them."""

    lean: float = 0.0
    head: float = 0.0
    near_arm: tuple[float, float] = (0.0, 0.0)
    far_arm: tuple[float, float] = (0.0, 0.0)
    near_leg: tuple[float, float] = (0.0, 0.0)
    far_leg: tuple[float, float] = (0.0, 0.0)
    drop: float = 0.0  # of the hip, share of the height
    turn: float = 0.0  # of the whole body


def usual_pose(state, frame):
    """What the body of somebody healthy does in this state."""
    if not state.grounded or state.action == "jump":
        return Pose(0.05, 0.0, (1.9, 0.5), (-1.2, 0.3), (0.9, -1.2), (-0.2, -0.8))
    if state.action == "wave":
        wave = math.sin(frame * 0.5)
        return Pose(0.0, 0.1 * wave, (2.7 + 0.25 * wave, 0.35 + 0.5 * wave), (-0.1, 0.15), (0.08, -0.05), (-0.08, -0.05))
    if state.action == "stand" or abs(state.vx) + abs(state.vy) < 1 and state.action != "walk":
        breath = 0.03 * math.sin(frame * 0.12)
        return Pose(0.0, breath, (0.12 + breath, 0.15), (-0.1, 0.15), (0.06, -0.04), (-0.06, -0.04))
    step = state.phase * 0.115
    swing = math.sin(step)
    lift, other = max(0.0, math.cos(step)), max(0.0, -math.cos(step))
    return Pose(
        0.09,
        0.0,
        (-0.65 * swing, 0.45),
        (0.65 * swing, 0.45),
        (0.6 * swing, -0.15 - 0.85 * lift),
        (-0.6 * swing, -0.15 - 0.85 * other),
        0.012 * abs(swing),
    )


def _end(x, y, angle, length):
    return x + math.sin(angle) * length, y + math.cos(angle) * length


def person_parts(cast, pose, facing, head_style):
    """Parts [(tag, points, colour, width)] around the middle of the body, y down; width 0 is a filled outline."""
    h = cast.height
    skin, trousers = SKINS[cast.look % 4], TROUSERS[cast.look // 4 % 4]
    hair = HAIRS[cast.look // 16 % 4]
    shirt = COLOURS[cast.colour]
    far_shirt, far_trousers = _dark(shirt), _dark(trousers)
    hip = (0.0, h * (0.055 + pose.drop))
    neck = _end(*hip, math.pi + pose.lean * -1, h * 0.315)
    shoulder = _end(*hip, math.pi - pose.lean, h * 0.285)
    head = _end(*neck, math.pi - pose.lean - pose.head, h * 0.105)
    parts = []
    for side, tone, (upper, lower) in (("far", far_trousers, pose.far_leg), ("near", trousers, pose.near_leg)):
        knee = _end(*hip, upper, h * 0.225)
        foot = _end(*knee, upper + lower, h * 0.21)
        toe = _end(*foot, upper + lower + 1.45, h * 0.065)
        leg = (f"{side}_leg", [hip, knee, foot], tone, h * 0.092)
        shoe = (f"{side}_leg", [foot, toe], (40, 38, 44), h * 0.07)
        parts += [leg, shoe]
    arms = {}
    for side, tone, (upper, lower) in (("far", far_shirt, pose.far_arm), ("near", shirt, pose.near_arm)):
        elbow = _end(*shoulder, upper, h * 0.17)
        hand = _end(*elbow, upper + lower, h * 0.16)
        arms[side] = [
            (f"{side}_arm", [shoulder, elbow, _mid(elbow, hand, 0.3)], tone, h * 0.076),
            (f"{side}_arm", [_mid(elbow, hand, 0.35), hand], skin, h * 0.062),
        ]
    parts = arms["far"] + parts
    parts.append(("torso", [hip, _mid(hip, neck, 0.5), _mid(hip, neck, 0.86)], shirt, h * 0.19))
    parts.append(("head", [neck, head], skin, h * 0.07))
    parts.append(("head", _disc(*head, h * 0.098), skin, 0))
    parts += _hat(head_style, head, h, hair, pose.lean + pose.head)
    parts.append(("head", _disc(head[0] + h * 0.05, head[1] - h * 0.005, h * 0.014, 8), (30, 26, 26), 0))
    parts += arms["near"]
    cos, sin = math.cos(pose.turn), math.sin(pose.turn)
    turned = []
    for tag, points, colour, width in parts:
        points = [((x * cos - y * sin) * facing, x * sin + y * cos) for x, y in points]
        turned.append((tag, points, colour, width))
    return turned


def _hat(style, head, h, hair, lean):
    x, y = head
    r = h * 0.098
    arc = [(x + math.sin(a) * r * 1.08, y - math.cos(a) * r * 1.08) for a in [-1.75 + 0.35 * i for i in range(9)]]
    parts = [("head", arc, hair, 0)]
    if style == "cap":
        parts.append(("head", [(x + r * 0.3, y - r * 0.55), (x + r * 1.7, y - r * 0.45)], hair, h * 0.035))
    elif style == "hat":
        parts.append(("head", [(x - r * 1.8, y - r * 0.55), (x + r * 1.8, y - r * 0.55)], hair, h * 0.04))
        parts.append(("head", [(x - r * 0.8, y - r * 0.6), (x - r * 0.6, y - r * 1.6), (x + r * 0.6, y - r * 1.6),
                               (x + r * 0.8, y - r * 0.6)], hair, 0))  # fmt: skip
    elif style == "helmet":
        parts.append(("head", [(x - r * 0.2, y - r * 0.25), (x + r * 1.05, y - r * 0.25)], (60, 60, 60), h * 0.03))
    elif style == "hood":
        parts.append(("head", [(x - r * 0.95, y - r * 0.2), (x - r * 0.7, y + r * 0.9)], hair, h * 0.05))
    return parts


def _mid(a, b, share):
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share


def _dark(colour):
    return tuple(channel * 3 // 4 for channel in colour)


def _disc(x, y, r, corners=18):
    return [(x + math.cos(a) * r, y + math.sin(a) * r) for a in (i * 2 * math.pi / corners for i in range(corners))]
