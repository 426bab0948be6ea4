"""What people ask about a clip and how an answer is put together; the same grammar as the other tables."""

ASK_OPEN = (
    "What (unusual|strange|odd) (behaviour|thing) (appears|happens) in (this|the) (video|clip)?",
    "What violates (physical common sense|the laws of physics) in (this|the) (video|clip)?",
    "Describe the (visual |)glitch (observed |)in the (video|clip).",
    "Could you describe the (error|fault) (occurring |)in the game (video|clip)?",
    "Is there (a glitch|anything impossible) in this (video|clip), and what is it?",
    "What (went|has gone) wrong in this (gameplay|recording)?",
    "Tell me what is physically impossible (here|in this clip), if anything.",
    "What would a physicist object to in this (clip|video)?",
)
ASK_WHEN = (
    "When does (it|this|that) happen?",
    "At what time (can one see it|does it begin)?",
    "From when to when can it be seen?",
    "How long does it last, and when does it start?",
)
ASK_WHERE = (
    "Where in the picture (is that|does it happen|should I look)?",
    "In which part of the (picture|screen) (is that|can it be seen)?",
    "Where should I look?",
)
ASK_LAW = (
    "Which law (of physics |)does that break?",
    "Why is that (impossible|not possible)?",
    "What is wrong with that, physically?",
    "Why could that not happen in the real world?",
)
ASK_NORMALLY = (
    "What would normally happen instead?",
    "What should have happened?",
    "What would one (see|expect) in the real world?",
    "How would it look without the glitch?",
)
ASK_IF = (
    "Is it (true|right) that {claim}?",
    "Somebody says that {claim}. Is that (so|right)?",
    "Would you agree that {claim}?",
    "Can one say that {claim}?",
)
ASK_ELSE = (
    "What else (is going on|happens) (in the scene|there)?",
    "What do the others do?",
    "Who or what else can be seen, and what happens to them?",
)
ASK_CHOICE = (
    "{stem} Choose one: {options}",
    "{stem} These are the choices: {options}",
    "Four people saw the clip, and only one of them is right. {options} Who is right?",
)

YES = ("Yes", "Yes, that is right", "Indeed", "That is right")
NO = ("No", "No, that is wrong", "Not at all", "That is wrong")

SPAN = (
    "It (begins|starts) (about |){first} into the clip and (lasts|goes on) until (about |){last}.",
    "From (about |){first} to (about |){last} into the clip.",
    "One can see it from {first} until {last} into the clip.",
    "It sets in at {first} and can be seen until {last}.",
)
WHERE = (
    "Look at {A}, {place}.",
    "It happens to {A}, {place}.",
    "{Place}, where {A} is.",
)
WHERE_WHOLE = ("It concerns the whole picture.", "Everywhere: the whole picture is affected.")
WHERE_LIGHT = (
    "It concerns one part of the picture, from top to bottom.",
    "In one part of the picture.",
)
WHERE_MOVES = ("First {place}, later {later}.", "It begins {place} and ends {later}.")
BREAKS = (
    "(That|This|It) cannot be, because {law}.",
    "{Law}, so (that|this) cannot happen in the real world.",
    "In the real world {law}.",
    "It breaks (a simple rule|one of the basic rules): {law}.",
)
CATEGORY = (
    "Its category is {category}.",
    "(It|This) belongs to the category {category}.",
    "(It|This) is a matter of {category}.",
)
NORMALLY = (
    "(Normally|In the real world|By rights), {normally}.",
    "Without the glitch, {normally}.",
    "{Normally}.",
)
WITHOUT = ("In the same scene without the glitch, {A} {deeds}.", "Had nothing gone wrong, one would see this: {A} {deeds}.")
NOBODY_ELSE = ("Nothing else of note (happens|can be seen).", "There is nothing else to (report|see).")
NO_GLITCH = (
    "There is no glitch (in it|here).",
    "Nothing breaks (in this clip|here).",
    "I see no glitch (in this clip|here).",
)
NO_GLITCH_WHEN = ("There is no such moment, because nothing breaks.", "At no time: the clip is free of glitches.")
ORDINARY = (
    "{A} {deeds}, (and that is|which is) quite ordinary.",
    "{A} {deeds}, as one would expect.",
    "{A} {deeds}, just as in the real world.",
)
LOOKALIKES = {  # the legal events of a truth that look like glitches: how to point at one, and why it is none
    "real bounce": (
        "{A} bounces {when}",
        ("balls bounce, and this one comes up lower than it fell from", "that is what a ball does when it hits the ground"),
    ),
    "occlusion": (
        "{A} is out of sight for a while {when}",
        ("something in the foreground hides {it} as {it_}", "the column in front only covers {it} for a moment"),
    ),
    "lamp changes colour": (
        "the lamp changes its colour {when}",
        ("a lamp may shine in any colour it is set to", "lamps can change their colour"),
    ),
    "portal": (
        "{A} goes through a drawn portal {when}",
        (
            "the portal is part of the game, made to be gone through",
            "a portal belongs to this game's rules",
        ),
    ),
}
AT_ONCE = "right at the start"
IS_THAT_A_GLITCH = ("I notice that {event}. Is that a glitch?", "{Event}. (Does that break physics|Is that a glitch)?")

UNHELPFUL_TITLES = (
    "What did I just see",
    "Caught this today",
    "Well, that happened",
    "I have no words",
    "Any idea what is going on here",
    "My favourite game, ladies and gentlemen",
    "First time posting, be kind",
    "This game never gets old",
    "Found while testing",
    "Watch until the end",
    "Only in {theme}",
    "Another day in {theme}",
    "{theme} at its finest",
    "Ten hours in and this happens",
)
ORDINARY_TITLES = (
    "Just a quiet day in {theme}",
    "Nothing wrong here, just like the view",
    "Physics working as intended",
    "A normal minute in {theme}",
    "For once, no bugs",
)
