"""The words around the glitches: stems, times, places, directions, and how to say that nothing is wrong."""

TO = {  # towards a direction
    "left": ("to the left", "leftwards", "towards the left"),
    "right": ("to the right", "rightwards", "towards the right"),
}

# Stems that stay true when nothing is wrong. Used wherever "nothing is wrong" is one of the options, and elsewhere too.
OPEN_STEMS = {
    "finite": (
        "Which (sentence|statement) is true of (the|this) (clip|video)?",
        "Which of these (sentences|statements) (describes|fits) what happens in the (clip|video)?",
        "What, if anything, goes wrong in (the|this) (clip|video)?",
        "What, if anything, (breaks|violates) the laws of physics (here|in this clip|in this video)?",
        "Does anything in the (clip|video) break the laws of physics, and if so, what?",
        "Watch (closely|carefully). Which (sentence|statement) is (right|correct)?",
        "Only one of these (sentences|statements) fits the (clip|video|footage). Which (one |)is it?",
        "Which (sentence|statement) would you sign after watching the (clip|video|footage)?",
        "How would you report this (clip|video) to the (developers|makers of the game)?",
        "Compare the (clip|video|footage) with how the real world works. Which (sentence|statement) (holds|is true)?",
        "A tester has watched this (clip|recording). What should the report say?",
        "Judge this (clip|piece of gameplay) by the laws of physics. What do you find?",
    ),
    "gerund": (
        "What, if anything, can be seen in the (clip|video) that should not be possible?",
        "Which of these can (really |)be seen in the (clip|video|footage)?",
        "Which (description|caption) fits the (clip|video|footage)?",
        "What does the (clip|video|footage) show?",
        "Under which (heading|caption) would you file this (clip|video)?",
        "Which (caption|description) is the (right|correct) one for this (clip|video|footage)?",
    ),
}
# Stems that say there is a glitch.
GLITCH_STEMS = {
    "finite": (
        "What (best |)describes the glitch (observed |seen |)in the (video|clip)?",
        "How would you describe the glitch in the (video|clip)?",
        "What glitch is (present|to be seen) in the (gameplay footage|clip|video)?",
        "Which event in the (game|clip) (breaks|violates) the laws of physics?",
        "What goes wrong in (the|this) (clip|video)?",
        "What happens in the (clip|video) that could (never|not) happen in the real world?",
        "One thing in this (clip|video) cannot be right. What is it?",
        "Which (bug|glitch|malfunction) can you spot in the (clip|video|footage)?",
        "Where does the (physics of the game|game's physics) fail?",
        "Something here (breaks|defies) the laws of (nature|physics). What (is it|happens)?",
        "Which sentence names the (error|fault|glitch) in the (clip|gameplay)?",
        "What is the (bug|fault) in this piece of gameplay?",
        "A player complains about a bug in this clip. What does the player mean?",
        "Which physical impossibility does the (game|clip|video) (contain|show)?",
    ),
    "gerund": (
        "What (impossible thing|glitch) can be (seen|observed) in the (clip|video)?",
        "What should not be possible, but can be seen (here|in this clip)?",
        "Which (glitch|bug|impossibility) does the (clip|video|footage) show?",
        "What in this (clip|video) would (surprise|puzzle) a physicist?",
        "Can you highlight the glitch (found |)in the (video|clip)?",
        "Which of these is the (glitch|error) in the (clip|video|footage)?",
    ),
}
# The same with a time; {when} is filled from WHEN, {since} from SINCE.
TIMED_STEMS = {
    "finite": (
        "What goes wrong {when}?",
        "Something breaks the laws of physics {when}. What is it?",
        "Watch what happens {when}. What is the glitch?",
        "{When}, the game's physics fails. How?",
        "Which sentence describes the glitch that begins {when}?",
    ),
    "gerund": (
        "What impossible thing can be seen from {since} on?",
        "Which glitch can be seen from {since} on?",
    ),
}
WHEN = ("about {seconds} into the (clip|video)", "after (about|roughly) {seconds}", "around {seconds} in")
SINCE = ("about {seconds} in", "(about|roughly) {seconds} into the clip")

NOTHING = (
    "nothing in the (clip|scene) [break] (a law|the laws) of physics",
    "no law of physics [be] broken",
    "everything [behave|move] as it (would|should) in the real world",
    "everything that happens [be] physically possible",
    "everything [happen] as physics (would have it|demands)",
    "nothing (at all |)[go] wrong",
    "everything in the (clip|scene) [obey|follow] the laws of physics",
    "the (clip|scene) [contain] no glitch (at all|of any kind)",
    "every movement [be] one that could happen in the real world",
    "from beginning to end, everything [behave] (normally|just as it should)",
    "there [be] no glitch, only ordinary motion",
)

PLACES = {  # thirds of the picture, across
    "left": ("on the left", "at the left"),
    "middle": ("in the middle", "in the centre"),
    "right": ("on the right", "at the right"),
}
HEIGHTS = {"top": "near the top of the picture", "middle": "at mid-height", "bottom": "in the lower part of the picture"}

_SMALL = ("half a second", "one second", "one and a half seconds", "two seconds", "two and a half seconds", "three seconds",
          "three and a half seconds", "four seconds", "four and a half seconds", "five seconds")  # fmt: skip


def about_seconds(seconds, *, rng):
    """A time in words or figures, to the nearest half second: "two seconds", "2.5 seconds"."""
    halves = max(round(seconds * 2), 1)
    if halves <= len(_SMALL) and rng.random() < 0.6:
        return _SMALL[halves - 1]
    return exact_seconds(halves / 2)


def exact_seconds(seconds):
    """A time in figures, to a tenth of a second: "2.1 seconds"."""
    figure = f"{seconds:.1f}".removesuffix(".0")
    return f"{figure} second" + ("" if figure == "1" else "s")
