"""Preference pairs: the true account of a clip against one that a misled viewer would give.

Three ways of misleading, as in PhysDPO: a wrong title (another clip's glitch is told of this clip's actors), one single
frame (a glitch that looks the same when nothing moves), and a sixteenth of the resolution (blobs are left: another actor,
or a glitch that differs in small parts only). Chosen and rejected are put together by the same grammar from statements
with the same frequencies, so neither length nor style nor wording says which is which.
"""

from annotator.glitchworld import statements, wording_talk
from annotator.glitchworld.catalogue import GLITCHES
from annotator.glitchworld.instruct import Speaker
from annotator.glitchworld.questions import GLITCH_FREE, MOST_GLITCH_FREE

NO_STORY = object()  # there is nothing that this way of misleading would make of the clip
KINDS = ("wrong title", "single frame", "low resolution")

# Glitches that one frame cannot tell apart. Where nothing but motion is wrong, one frame may also look faultless.
ALIKE_IN_ONE_FRAME = (
    ("hovering", "drifting_up", "walking_on_air", "launched_upward", "growing_bounce", "rubber_bounce", "dropping"),
    ("stuck_in_terrain", "passing_through", "melting"),
    ("missing_texture", "wrong_texture", "colour_flicker", "see_through"),
    ("twisted_pose", "spinning_limbs", "sliding_pose", "folded_body", "stretched_body"),
    ("missing_parts", "detached_parts", "falling_apart"),
    ("runaway_shadow", "giant_shadow"),
    ("ghost_reflection", "wrong_reflection"),
    ("flipped_camera", "camera_clipping"),
)
MOTION_ONLY = (
    "invisible_wall",
    "sudden_speed",
    "teleport",
    "fast_action",
    "slow_action",
    "looping",
    "to_and_fro",
    "popping_in",
    "popping_out",
)
# Glitches that differ in parts too small for a sixteenth of the resolution.
ALIKE_IN_BLOBS = (
    ("hovering", "walking_on_air", "drifting_up", "slow_action"),
    ("launched_upward", "growing_bounce", "rubber_bounce", "sudden_speed", "teleport"),
    ("looping", "to_and_fro", "invisible_wall", "stuck_in_terrain"),
    ("missing_texture", "wrong_texture", "colour_flicker"),
    ("see_through", "popping_out", "popping_in"),
    ("twisted_pose", "spinning_limbs", "sliding_pose", "folded_body", "stretched_body", "fast_action"),
    ("missing_parts", "detached_parts", "falling_apart", "jelly", "melting"),
)
OTHER_ACTOR = 0.6  # share of low-resolution answers that take another actor for the one it happens to


def misled_answers(truth, *, rng, other, glitch_free=GLITCH_FREE):
    """[{"prompt", "chosen", "rejected", "kind"}, ...], one for each way of misleading that fits the clip.

    `other` is the name of the glitch in another clip, drawn at random, whose title misleads; None if that clip has none.
    `glitch_free` is the set's share of clips without a glitch; "nothing is wrong" is as large a share of the rejected
    answers as of the chosen ones.
    ValueError if the share is above MOST_GLITCH_FREE.
    """
    if not 0 <= glitch_free <= MOST_GLITCH_FREE:
        raise ValueError(f"A share of glitch-free clips of {glitch_free} is not between 0 and {MOST_GLITCH_FREE}.")
    speaker = Speaker(truth, rng=rng)
    calm = glitch_free / (1 - glitch_free)  # how often a glitch clip is rejected as faultless
    answers = []
    for kind, told in (
        ("wrong title", _by_title(truth, other, rng=rng)),
        ("single frame", _by_one_frame(truth, calm, rng=rng)),
        ("low resolution", _by_blobs(truth, calm, rng=rng)),
    ):
        if told != speaker.true and told is not NO_STORY:
            prompt = speaker.line(wording_talk.ASK_OPEN)
            chosen, rejected = speaker.account(speaker.true), speaker.account(told)
            answers.append({"prompt": prompt, "chosen": chosen, "rejected": rejected, "kind": kind})
    return answers


def _by_title(truth, other, *, rng):
    """The other clip's glitch on an actor of this clip."""
    if other is None:
        return None
    true = statements.of_truth(truth)
    cells = statements.could_happen(other, truth, rng=rng)
    cells = [(chance, one) for chance, one in cells if true is None or one != true and statements.may_meet(true, one)]
    return statements.pick(cells, rng=rng) if cells else NO_STORY


def _by_one_frame(truth, calm, *, rng):
    """The same actor with a glitch that one frame cannot tell from the true one."""
    if truth.glitch is None:
        return _any(truth, MOTION_ONLY, rng=rng)
    name = truth.glitch.name
    if name in MOTION_ONLY and rng.random() < calm / _share(MOTION_ONLY, truth, rng=rng):
        return None
    return _swap(truth, [one for group in (*ALIKE_IN_ONE_FRAME, MOTION_ONLY) if name in group for one in group], rng=rng)


def _by_blobs(truth, calm, *, rng):
    """The same glitch of another actor, or of the same actor one that differs in small parts only."""
    if truth.glitch is None:
        return _any(truth, tuple(GLITCHES), rng=rng)
    if rng.random() < calm:
        return None
    name = truth.glitch.name
    if rng.random() < OTHER_ACTOR:
        return _swap(truth, [name], rng=rng)
    return _swap(truth, [one for group in ALIKE_IN_BLOBS if name in group for one in group], rng=rng)


def _any(truth, names, *, rng):
    """Whatever of these might have happened to somebody, by the world's own chances."""
    found = _weighted(names, truth, rng=rng)
    return statements.pick(found, rng=rng) if found else NO_STORY


def _swap(truth, names, *, rng):
    """A false statement: of another actor where `names` is the true glitch alone, else of the same actor.

    Rejected must be as often told as true, so a rarer statement than the true one is told only sometimes (the rule of
    Metropolis: with the ratio of their chances).
    """
    true = statements.of_truth(truth)
    chances = {statement: chance for chance, statement in _weighted([*names, true.glitch], truth, rng=rng)}
    if names == [true.glitch]:
        found = [one for one in chances if one.glitch == true.glitch and statements.may_meet(true, one)]
        found = [one for one in found if one.actor != true.actor]
    else:
        found = [one for one in chances if one.glitch != true.glitch and one.actor == true.actor]
    if not found:
        return NO_STORY
    told = rng.choice(found)
    return told if rng.random() < chances[told] / chances[true] else NO_STORY


def _weighted(names, truth, *, rng):
    """[(chance, statement)] of these glitches among all that could happen in the picture."""
    possible = statements.all_that_could_happen(truth, rng=rng)
    glitches = [glitch for category in possible.values() for glitch in category]
    return [
        (share * chance / len(possible), statement)
        for share, cells in glitches
        for chance, statement in cells
        if statement.glitch in names
    ]


def _share(names, truth, *, rng):
    return sum(chance for chance, _ in _weighted(names, truth, rng=rng))
