"""Wordings of the glitches of gravity, elasticity and friction."""

from annotator.glitchworld.wording import Wording

WORDINGS = {
    "hovering": Wording(
        says=(
            "{A} [hang|float|hover] (in mid-air|in the air|in empty space) with nothing (under|below|beneath) {it}",
            "{A} [stay] (up in the air|above the ground) (as if|as though) gravity had been switched off",
            "{A} [hang|float] (|well )above the ground without (any support|anything to hold {it} up)",
            "{A} [come] to a halt in mid-air and [stay] up there",
            "instead of (falling|coming down), {A} [hang|hover] in (mid-air|the air)",
            "{A} [remain] in (mid-air|the air), held up by nothing at all",
            "with nothing (below|beneath) {it}, {A} [hang|float] in the air",
        ),
        law=(
            "anything without support (falls|has to fall)",
            "gravity pulls down whatever nothing holds up",
            "a body at rest in the air needs something that carries its weight",
        ),
        normally=(
            "{A} would (fall|drop) to the ground",
            "{A} would come down until something stops {it}",
            "gravity would pull {A} down (to the ground|at once)",
        ),
        titles=(
            "Gravity has left the chat",
            "Just hanging around",
            "Who needs the ground anyway",
            "Developer forgot to switch gravity on",
            "Mid-air parking",
        ),
    ),
    "drifting_up": Wording(
        says=(
            "{A} [drift|float] (slowly |gently |)upwards (like a balloon|as if filled with helium|as if weightless)",
            "{A} [leave] the ground and [rise|float up] (steadily|little by little) with nothing (lifting|pushing) {it}",
            "{A} [rise] (slowly|steadily) (into the air|off the ground) (all by {self}|on {its} own)",
            "{A} [lift] off the ground and [drift] (up|upwards|skywards) without (any push|being pushed)",
            "with nothing to (push|lift) {it}, {A} (slowly |steadily |)[float] upwards",
            "{A} [float] up and away (as if|as though) {its} weight had gone",
        ),
        law=(
            "a heavy thing does not rise unless something lifts it",
            "gravity pulls things down, never up",
            "nothing as heavy as that floats in air like a balloon",
        ),
        normally=(
            "{A} would stay on the ground",
            "the weight of {A} would keep {it} on the ground",
            "{A} would not leave the ground by {self}",
        ),
        titles=(
            "It thinks it is a balloon",
            "Up, up and away",
            "Somebody filled it with helium",
            "Bye then",
            "Lift-off in the cheapest way",
        ),
    ),
    "walking_on_air": Wording(
        says=(
            "{A} [walk|stroll] (through the air|on thin air|on empty air) with no ground under {its} feet",
            "{A} [climb] steps that <be> not there and [walk|stroll] on in mid-air",
            "{A} [walk|march] (over nothing|across empty space) (as if|as though) there were a floor",
            "{A} [walk|stroll] about (high|well) above the ground with nothing to walk on",
            "{A} [step] up into the air and [walk] on there",
            "{A} [walk|stroll] in mid-air on (an invisible floor|a floor nobody can see)",
        ),
        law=(
            "feet need something solid to stand on",
            "nobody can walk on air, because it does not push back",
            "without ground below, gravity pulls a walker down",
        ),
        normally=(
            "{A} would fall as soon as the ground ends",
            "{A} would walk on the ground, not above it",
            "{A} would drop to the floor below",
        ),
        titles=(
            "Cartoon physics: do not look down",
            "The stairs are made of air",
            "Sky walker, literally",
            "Found the invisible bridge",
            "Walking on sunshine",
        ),
    ),
    "launched_upward": Wording(
        says=(
            "{A} [be] (thrown|flung|hurled|catapulted) high into the air (again and again|by nothing at all|for no reason)",
            "{A} [shoot] (up|upwards|skywards) (as if|as though) fired from a (cannon|catapult)",
            "a (light|gentle|mere) touch of the ground [send] {A} (flying|shooting) (far up|sky-high|high into the air)",
            "{A} [fly] straight up at great speed although nothing <throw> {it}",
            "out of nowhere, {A} [be] (launched|hurled|shot) (high up|into the sky)",
            "{A} [take] off like a rocket with nothing to (drive|push) {it}",
        ),
        law=(
            "a contact cannot give back more energy than it took",
            "a jump that high needs a push, and there is none",
            "nothing gains that much speed upwards unless a strong force acts on it",
        ),
        normally=(
            "{A} would stay (low|near the ground)",
            "{A} would not go higher than a small hop",
            "{A} would keep to the ground or bounce a little",
        ),
        titles=(
            "To the moon",
            "Space programme, day one",
            "And off it goes",
            "Physics engine said no",
            "The ground is a trampoline now",
        ),
    ),
    "growing_bounce": Wording(
        says=(
            "{A} [bounce] higher (and higher|with every impact|each time it <hit> the ground)",
            "every bounce [take] {A} higher than the (last|one before)",
            "{A} [gain] height with (every|each) bounce instead of losing it",
            "{A} [come] up higher after each (bounce|impact) than before",
            "with each (bounce|touch of the ground), {A} [spring|jump] higher",
            "{A} [bounce] on with ever (more height|higher jumps)",
        ),
        law=(
            "every bounce loses energy, so each must be lower than the last",
            "no ball returns higher than it fell from",
            "a bounce cannot make energy out of nothing",
        ),
        normally=(
            "{A} would bounce lower each time and come to rest",
            "the bounces of {A} would die down",
            "{A} would lose height with every bounce",
        ),
        titles=(
            "It gets higher every time",
            "Perpetual motion achieved",
            "Bounce, bounce, BOUNCE",
            "Free energy discovered",
            "That is not how bouncing works",
        ),
    ),
    "rubber_bounce": Wording(
        says=(
            "{A} [bounce] (up and down |)like a rubber ball",
            "{A} [bounce] off the ground again and again (as if|as though) made of rubber",
            "{A} [hop|spring] up and down (as if|as though) the ground were a trampoline",
            "heavy as it <be>, {A} [bounce] (again and again|over and over) like a toy ball",
            "{A} [rebound] from the ground (time after time|over and over) like a bouncy ball",
            "{A} [jump] up and down like something made of rubber",
        ),
        law=(
            "stiff, heavy things hardly bounce",
            "wood and metal swallow most of an impact",
            "only something elastic springs back like that",
        ),
        normally=(
            "{A} would land with a thud and stay down",
            "{A} would hardly bounce at all",
            "{A} would stay on the ground after the first impact",
        ),
        titles=(
            "Made of rubber apparently",
            "Boing",
            "Bouncy castle edition",
            "Suspension set to maximum",
            "Who swapped it for a ball",
        ),
    ),
    "stuck_in_terrain": Wording(
        says=(
            "{A} [sink] (halfway |partly |)into the (solid |)ground and [stay] stuck there",
            "{A} [be] stuck (halfway |)in the ground (as if|as though) it were mud",
            "half of {A} [vanish|disappear] into solid ground and [stay] there",
            "{A} [end] up wedged (in|inside) the solid ground, trembling",
            "the ground [swallow] part of {A} and [hold] {it} fast",
            "{A} [get] caught inside the ground with only {its} upper part showing",
        ),
        law=(
            "two solid bodies cannot be in the same place",
            "solid ground does not let things in",
            "a hard surface stops what stands on it instead of swallowing it",
        ),
        normally=(
            "{A} would stay on top of the ground",
            "the ground would carry {A}",
            "{A} would move on across the surface",
        ),
        titles=(
            "The floor is quicksand",
            "Stuck again",
            "Part of the map now",
            "Who needs legs anyway",
            "Planted like a tree",
        ),
    ),
    "passing_through": Wording(
        says=(
            "{A} [pass|go|move] (straight |right |)through {B} on {its} way {to}",
            "{A} [go|move] {to} and straight through {B} (without touching|as if nothing were there)",
            "on the way {to}, {A} [pass] through {B} like a ghost",
            "moving {to}, {A} [pass] through {B} instead of colliding",
            "{A} [slip] {to} (straight |right |)through {B} without a (bump|collision)",
            "moving {to}, {A} [go] in at one side of {B} and [come] out at the other",
        ),
        law=(
            "two solid bodies cannot be in the same place",
            "solid things collide when they meet",
            "bodies that meet have to push each other away",
        ),
        normally=(
            "{A} would bump into {B}",
            "{A} would hit {B} and be stopped or pushed aside",
            "{A} and {B} would collide",
        ),
        titles=(
            "Collision is optional",
            "Ghost mode on",
            "Straight through, no questions asked",
            "Hitboxes are on holiday",
            "No clip in action",
        ),
    ),
    "invisible_wall": Wording(
        says=(
            "{A}, on {its} way {to}, [be] (held up|stopped) time and again by (an invisible wall|a wall nobody can see)",
            "again and again {A} [run|bump] into something invisible on {its} way {to} and [get] no further",
            "nothing <be> in the way, yet {A} [push] in vain {to} and [get] no further",
            "{A} [try] to move {to} again and again, held up by an obstacle that <be> not there",
            "on a clear path {to}, {A} [keep] hitting (empty air|an unseen wall) and [get] no further",
            "{A} [be] blocked in open space and [try] in vain, again and again, to go {to}",
        ),
        law=(
            "empty air does not stop anything",
            "only a force can stop a moving body, and there is nothing there to push back",
            "a clear path cannot block the way",
        ),
        normally=(
            "{A} would go on {to}",
            "{A} would keep moving {to} on the clear path",
            "{A} would carry on {to} without trouble",
        ),
        titles=(
            "Invisible walls, my old friend",
            "You shall not pass",
            "Blocked by nothing",
            "The devs did not want us to go there",
            "Mime simulator",
        ),
    ),
}
