"""Say what an actor does over a clip, in verbs a viewer would use, from its states."""

from annotator.glitchworld.physics import GROUND

_LEAST = 5  # frames a deed must last; shorter ones are noise
_MOST = 4  # deeds of one actor
_FIXED = ("pole", "wall", "mirror", "water", "glass", "camera", "light")
_ROLLING = {"ball": "rolls", "crate": "slides", "barrel": "slides"}


def _way(vx):
    return "right" if vx > 0 else "left"


def _one(kind, state, top):
    """(verb, direction) of one moment."""
    moving = abs(state.vx) > 14
    airborne = not state.grounded and (state.z > 4 if top else True)
    if kind == "bird":
        return ("flies", _way(state.vx)) if moving else ("falls", "down") if state.vy > 60 else ("rests", None)
    if airborne and abs(state.vy) > 40:
        if kind == "person" and state.action == "jump" and state.vy < 0:
            return ("jumps", "up")
        return ("falls", "down") if state.vy > 0 else ("rises", "up")
    if kind == "person":
        if state.action == "wave":
            return ("waves", None)
        return ("walks", _way(state.vx)) if state.action == "walk" and moving else ("stands", None)
    if kind == "car":
        return ("drives", _way(state.vx)) if moving else ("rests", None)
    if moving:
        return (_ROLLING[kind], _way(state.vx))
    return ("rests", None)


def deeds(cast, run, top, first=0, last=None):
    """((verb, direction), ...) in the order in which they begin; at most four, the longest ones."""
    if cast.kind in _FIXED:
        return (("rests", None),)
    states = [frame[cast.id] for frame in run.states[first:last] if cast.id in frame]
    spans = []
    for state in states:
        deed = _one(cast.kind, state, top)
        if spans and spans[-1][0] == deed:
            spans[-1][1] += 1
        else:
            spans.append([deed, 1])
    spans = [span for span in spans if span[1] >= _LEAST] or spans[:1]
    joined = []
    for deed, length in spans:
        if joined and joined[-1][0] == deed:
            joined[-1][1] += length
        else:
            joined.append([deed, length])
    said = []
    for index, (deed, length) in enumerate(joined):
        if index and deed == ("rests", None) and joined[index - 1][0][0] in ("rolls", "slides", "drives"):
            deed = ("stops", None)
        said.append((deed, length))
    if cast.kind in ("ball", "crate", "barrel") and _bounces(cast, run, states) >= 2:
        said = [((("bounces", None), length) if deed[0] in ("falls", "rises") else (deed, length)) for deed, length in said]
    kept, seen = [], set()
    longest = sorted(said, key=lambda one: -one[1])[:_MOST]
    for one in said:
        if one in longest and one[0] not in seen:
            seen.add(one[0])
            kept.append(one[0])
    return tuple(kept)


def _bounces(cast, run, states):
    """How often it lands and rises again."""
    landings = sum(
        1 for contact in run.contacts if contact.actor == cast.id and contact.other == GROUND and contact.speed > 90
    )
    turns = sum(1 for a, b in zip(states, states[1:], strict=False) if a.vy > 50 and b.vy < -30)
    return max(turns, landings if cast.kind == "ball" else 0)
