"""Wordings of the glitches of velocity and acceleration."""

from annotator.glitchworld.wording import Wording

WORDINGS = {
    "sudden_speed": Wording(
        says=(
            "{A} (suddenly |)[shoot|race|dash] (off|away) (far too fast|at many times {its} speed) without a push",
            "from one moment to the next, {A} [race] about (at an impossible speed|far too fast)",
            "{A} (abruptly|suddenly|all at once) [hurtle] along crazily (for no reason|although nothing <push> {it})",
            "{A} [dart] (about|off) at a speed that nothing (has given|could give) {it}",
            "out of the blue, {A} [rush|zoom] (off|along) like a (bullet|rocket)",
            "{A} [go] from normal speed to (breakneck|absurd) speed in an instant",
        ),
        law=(
            "speed does not change unless a force acts",
            "nothing can gain so much speed in an instant",
            "such a jump in speed would take an enormous push, and there is none",
        ),
        normally=(
            "{A} would keep {its} pace",
            "{A} would only get faster if something pushed {it}",
            "{A} would change speed little by little, if at all",
        ),
        titles=(
            "Zero to light speed",
            "Somebody found the boost button",
            "Gotta go fast",
            "Speed limit? What speed limit",
            "Ludicrous speed",
        ),
    ),
    "teleport": Wording(
        says=(
            "{A} (suddenly |)[jump] from one place to another without crossing the space between",
            "{A} [be] in one place, and a moment later in quite another, with no way between them",
            "{A} [teleport] (about the scene|from place to place) (in an instant|from one moment to the next)",
            "in no time at all, {A} [be] somewhere else, and then somewhere else again",
            "{A} [vanish] from one (spot|place) and [reappear] in the same instant at another",
            "without moving in between, {A} [change] {its} place (all at once|in a blink)",
        ),
        law=(
            "a body has to pass through every place on its way",
            "nothing gets from one place to another in no time",
            "motion is continuous, so there are no jumps in place",
        ),
        normally=(
            "{A} would move there step by step, or not at all",
            "{A} would follow an unbroken path",
            "{A} would cross the space between",
        ),
        titles=(
            "Lag or magic",
            "Now you see it here, now you see it there",
            "Teleport unlocked",
            "Fast travel without the loading screen",
            "Blink and it is elsewhere",
        ),
    ),
    "fast_action": Wording(
        says=(
            "{A} (suddenly |)[move] in fast motion, while (everything else|the rest) <keep> its normal pace",
            "{A} [go] about {its} business several times too fast (as if|as though) somebody held down fast forward",
            "the movements of {A} [+become] (absurdly|impossibly) fast, like a film played at high speed",
            "{A} [move] (frantically|at a frantic pace), several times faster than (possible|normal)",
            "for {A} alone, time [seem] to run (several times|far) too fast",
            "{A} [act] as in a speeded-up film while all else <stay> normal",
        ),
        law=(
            "muscles cannot move a body that fast",
            "time runs at one pace for everything in a scene",
            "a body cannot swing its limbs so quickly",
        ),
        normally=(
            "{A} would move at the same pace as before",
            "{A} would go on at an ordinary pace",
            "{A} would keep in time with everything else",
        ),
        titles=(
            "Too much coffee",
            "Someone sat on the fast-forward button",
            "Silent film mode",
            "Speedrunner spotted",
            "Double time, no, quadruple time",
        ),
    ),
    "slow_action": Wording(
        says=(
            "{A} (suddenly |)[move] in slow motion, while (everything else|the rest) <keep> its normal pace",
            "{A} [slow] down to a crawl (as if|as though) time passed more slowly for {it} alone",
            "for {A} alone, time [seem] to run (far|much) too slowly",
            "{A} [move] as if through (treacle|syrup), and nothing held {it} back",
            "the movement of {A} [become] (absurdly|impossibly) slow, like a film played at low speed",
            "{A} [go] on in slow motion while all else <stay> normal",
        ),
        law=(
            "time runs at one pace for everything in a scene",
            "nothing slows down unless a force acts on it",
            "gravity and inertia do not go slow for one body alone",
        ),
        normally=(
            "{A} would move at the same pace as before",
            "{A} would go on at an ordinary pace",
            "{A} would keep in time with everything else",
        ),
        titles=(
            "Bullet time for one",
            "Somebody needs a coffee",
            "Running at two frames per second",
            "Slow motion, but only for this one",
            "Battery low",
        ),
    ),
    "looping": Wording(
        says=(
            "{A} [repeat] the same (short |)(movement|stretch) over and over, jumping back (each time|to where it began)",
            "{A} [be] caught in a loop and [go] through the same (motion|moment) again and again",
            "again and again {A} [jump] back and [repeat] what <come> before",
            "{A} [jump] back to the same (place|spot) (time after time|time and again) and [start] the same movement anew",
            "like a scratched record, {A} [repeat] one (short |)movement (over and over|again and again)",
            "the same (second|moment) of movement [happen] to {A} again and again",
        ),
        law=(
            "motion goes on from where it is and does not start over",
            "nothing jumps back to where it was a moment ago",
            "time does not repeat itself for one body",
        ),
        normally=(
            "{A} would carry on instead of starting again",
            "{A} would make the movement once and go on",
            "{A} would continue on {its} way",
        ),
        titles=(
            "Stuck in a loop",
            "Groundhog Day",
            "Have we not seen this before",
            "Deja vu, deja vu, deja vu",
            "Like a broken record",
        ),
    ),
    "to_and_fro": Wording(
        says=(
            "{A} [swing|move] to and fro (along the ground |)with nothing to (turn {it} round|drive {it})",
            "{A} [glide] back and forth (on {its} own|all by {self}) like a pendulum without a string",
            "{A} [reverse] {its} direction again and again (for no reason|without hitting anything)",
            "with nothing touching it, {A} [shuttle] from side to side, again and again",
            "{A} [oscillate] from side to side (as if|as though) tied to an unseen spring",
            "back and forth, back and forth, {A} [slide] with nothing to push {it}",
        ),
        law=(
            "a body turns back only if a force turns it back",
            "motion in a straight line does not reverse by itself",
            "something has to push it each time it turns round",
        ),
        normally=(
            "{A} would slow down and come to rest",
            "{A} would keep its direction",
            "{A} would only turn round if it hit something",
        ),
        titles=(
            "Cannot make up its mind",
            "Left, right, left, right",
            "Invisible rubber band",
            "Possessed by a pendulum",
            "Undecided physics",
        ),
    ),
    "dropping": Wording(
        says=(
            "{A} [be] yanked out of {its} flight, straight down, (many times|far) faster than anything falls",
            "{A} [be] yanked (straight |)down (as if|as though) gravity had become many times stronger",
            "{A} [slam] (straight |)down to the ground much faster than (gravity allows|a thing can fall)",
            "as if pulled by a (rope|huge magnet), {A} [shoot] (straight |)down out of the air",
            "{A} [stop] in flight and [crash] (straight |)down like a hammer",
            "all at once {A} [crash] (straight |)down (as if|as though) {its} weight had grown a hundredfold",
        ),
        law=(
            "everything falls with the same acceleration",
            "gravity does not become stronger for one body alone",
            "nothing falls faster than free fall unless something pushes it down",
        ),
        normally=(
            "{A} would (stay on its path|go on along its path)",
            "{A} would come down far more gently, if at all",
            "{A} would follow a smooth curve",
        ),
        titles=(
            "Gravity is back with a vengeance",
            "Dropped like a stone",
            "Who turned the gravity up",
            "That escalated downwards",
            "Heavy metal",
        ),
    ),
}
