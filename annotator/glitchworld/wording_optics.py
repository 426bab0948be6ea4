"""Wordings of the glitches of reflection, refraction, absorption and transmission."""

from annotator.glitchworld.wording import Wording

WORDINGS = {
    "ghost_reflection": Wording(
        says=(
            "{A} [show] (a figure|somebody) who <be> nowhere in the scene",
            "a figure [appear] in {A} with nobody there to cast the reflection",
            "the reflection of somebody [be] seen in {A} although nobody <stand> in front of it",
            "{A} [reflect] a figure that <do> not exist outside it",
            "(a stranger|a figure) [turn] up in {A} with (no one|nobody) there to be reflected",
            "somebody [appear] in {A} only and nowhere else",
        ),
        law=(
            "a reflection needs something that is reflected",
            "a mirror image cannot exist without its original",
            "only what stands before a mirror can be seen in it",
        ),
        normally=(
            "{A} would show only what is really there",
            "{A} would reflect nobody",
            "nobody would be seen in {A} unless somebody were there",
        ),
        titles=(
            "Who is that in there",
            "Haunted, confirmed",
            "We are not alone",
            "Vampire, the other way round",
            "Horror game all of a sudden",
        ),
    ),
    "flipped_camera": Wording(
        says=(
            "the whole (picture|view) (suddenly |)[be] flipped over",
            "{A} [flip] over (and [show] everything the wrong way round|all of a sudden)",
            "{A} [turn] (the whole scene|the world) the wrong way round",
            "all at once the (whole |)(picture|scene|view) [be] the wrong way round",
            "the (world|scene) [flip] over in front of {A}",
            "{A} (suddenly |)[show] the world turned over as no steady camera would",
        ),
        law=(
            "a camera does not turn over by itself",
            "the world does not turn over in an instant",
            "up and down do not change places",
        ),
        normally=(
            "{A} would stay upright",
            "{A} would follow the scene the right way up",
            "the picture would keep its upper side up",
        ),
        titles=(
            "Australia mode",
            "The cameraman fell over",
            "This way up",
            "World turned upside down",
            "Headstand",
        ),
    ),
    "wrong_reflection": Wording(
        says=(
            "{A} [show] {B} (upside down|standing on the head|the wrong way up)",
            "the (reflection|image) of {B} in {A} [stand] on its head",
            "{A} [turn] {B} upside down in the (image|reflection)",
            "in {A}, {B} [be] seen (upside down|the wrong way up)",
            "the (reflection|image) of {B} in {A} [be] (upside down|the wrong way up)",
            "{A} [reflect] {B} with the lower end up",
        ),
        law=(
            "a flat upright mirror does not turn things upside down",
            "what stands upright stands upright in an upright mirror too",
            "light comes back from a mirror at the angle at which it came",
        ),
        normally=(
            "the image in {A} would stand upright, like {B}",
            "{A} would show {B} the right way up",
            "the reflection would stand as {B} does",
        ),
        titles=(
            "That mirror is lying",
            "Reflect on this",
            "Mirror, mirror, what are you doing",
            "The reflection has a mind of its own",
            "Through the looking glass",
        ),
    ),
    "runaway_shadow": Wording(
        says=(
            "the shadow of {A} [come] loose and [slide|glide] away {to}",
            "the shadow of {A} [leave] {it} and [wander] off {to} (by itself|on its own)",
            "{A} [lose] {its} shadow, which <slide|glide> away {to}",
            "{A} and {its} shadow [+part], and the shadow <glide|slide> {to}",
            "without {A}, {its} shadow [move|wander] off {to}",
            "{A} [have] a shadow that <run> away {to} (on its own|by itself)",
        ),
        law=(
            "a shadow stays where the light is blocked",
            "a shadow cannot leave what casts it",
            "a shadow moves only with its owner or with the lamp",
        ),
        normally=(
            "the shadow would stay with {A}",
            "the shadow of {A} would follow {it}",
            "{A} would keep {its} shadow",
        ),
        titles=(
            "Peter Pan problem",
            "The shadow has places to be",
            "Shadow gone walkabout",
            "Come back here, shadow",
            "Me and my ex-shadow",
        ),
    ),
    "giant_shadow": Wording(
        says=(
            "the shadow of {A} [grow] (to a giant size|several times too large)",
            "a giant shadow [rise] up behind {A}, out of all proportion",
            "{A} [throw] a (gigantic|huge|monstrous) shadow, out of all proportion",
            "the shadow of {A} [swell] up until it <be> far too (big|large) for {it}",
            "a (giant|huge) shadow [stand] up behind {A}, far larger than {it}",
            "{A} [have] a shadow fit for a giant",
        ),
        law=(
            "the size of a shadow follows from the light and the thing that casts it",
            "in the same light a shadow keeps its size",
            "a shadow grows only if the light or the thing moves",
        ),
        normally=(
            "the shadow of {A} would be about as large as the others",
            "the shadow would fit {A}",
            "the shadow of {A} would keep its size",
        ),
        titles=(
            "Big shadow, small problem",
            "Afraid of my own shadow",
            "Shadow on steroids",
            "Eclipse incoming",
            "Overcompensating",
        ),
    ),
    "brightness_fault": Wording(
        says=(
            "the brightness [be] wrong in one (part|stretch) of the picture, which <have> a hard edge",
            "one part of the picture, with straight edges, [be] far too bright or too dark",
            "{A} [be] (wrong|false) in one part of the scene, with (sharp|hard|straight) edges",
            "{A} [change] in one part of the scene only, up to a (sharp|hard|straight) edge",
            "one part of the picture [flicker] because {A} there <be> (wrong|different), up to a (sharp|straight) edge",
            "a broad upright band [cross] the picture in which {A} <be> wrong",
        ),
        law=(
            "light does not stop at an invisible line",
            "the brightness of a scene changes only with its lamps and shadows",
            "daylight has no sharp edges in the open",
        ),
        normally=(
            "{A} would be the same all over the scene",
            "{A} would change gently from place to place",
            "all parts of the picture would be lit alike",
        ),
        titles=(
            "Who cut a slice out of the light",
            "My eyes",
            "Sunlight sold by the strip",
            "Exposure set to random",
            "Someone forgot to bake the light",
        ),
    ),
    "popping_in": Wording(
        says=(
            "{A} [appear] out of (nothing|thin air|nowhere)",
            "{A} [pop] into existence in the middle of the scene",
            "where there <be> nothing a moment before, {A} (suddenly |)[appear]",
            "out of nowhere, {A} [be] (suddenly |)there",
            "{A} [materialise] from one moment to the next",
            "{A} [pop] up from nothing, in plain view",
        ),
        law=(
            "matter does not come from nothing",
            "a thing has to come from somewhere",
            "nothing appears in an open place without coming there",
        ),
        normally=(
            "{A} would be there from the start, or come in from the side",
            "{A} would be seen all the time",
            "{A} would have to move into the picture",
        ),
        titles=(
            "It came from nowhere",
            "Late loading",
            "Spawned in plain sight",
            "Ta-da",
            "Where did that come from",
        ),
    ),
    "popping_out": Wording(
        says=(
            "{A} [vanish|disappear] (into thin air|without a trace)",
            "{A} (suddenly |)[cease] to exist in plain view",
            "from one moment to the next, {A} [be] gone",
            "{A} [be] there one moment and gone the next",
            "in the open, with nothing to hide {it}, {A} [vanish|disappear]",
            "{A} [blink] out of existence",
        ),
        law=(
            "matter does not turn into nothing",
            "a thing cannot leave a place without going somewhere",
            "what is in plain view does not cease to be there",
        ),
        normally=(
            "{A} would stay in view",
            "{A} would have to move away to be out of sight",
            "{A} would still be there",
        ),
        titles=(
            "Now you see it",
            "Where did it go",
            "Despawned too early",
            "And it is gone",
            "Vanishing act",
        ),
    ),
    "see_through": Wording(
        says=(
            "{A} [become] (see-through|transparent), so that the background <show> through",
            "{A} [fade] until the background <show> through {it}",
            "the background [show] through {A} as if through a ghost",
            "{A} [turn] (as clear as|to) glass, and the background <shine> through",
            "{A} [go] half transparent like a ghost",
            "{A} (suddenly |)[cease] to hide what <be> behind {it}, as if made of glass",
        ),
        law=(
            "solid things do not let light through",
            "something opaque does not become clear by itself",
            "what stops light at first stops it later too",
        ),
        normally=(
            "{A} would hide what is behind {it}",
            "{A} would stay solid to the eye",
            "nothing would be seen through {A}",
        ),
        titles=(
            "Ghost edition",
            "I can see right through this",
            "Opacity slider got stuck",
            "Half there",
            "Made of glass now",
        ),
    ),
    "bent_light": Wording(
        says=(
            "{A} [bend] and [distort] what <lie> behind it",
            "{A} [make] (everything|all that <be>) behind it (ripple and bend|bend like rubber)",
            "the scene behind {A} [ripple|warp] (as if|as though) seen through (moving|rippling) water",
            "{A} [warp] the view like (a fairground mirror|rippling water)",
            "seen through {A}, straight lines [+bend] and [+ripple]",
            "light [be] bent by {A} so that the background <ripple> in all colours",
        ),
        law=(
            "a flat pane lets light through in straight lines",
            "plain glass does not bend the view",
            "light keeps straight on after a flat pane",
        ),
        normally=(
            "one would see straight through {A}",
            "the view through {A} would be plain",
            "{A} would not distort anything",
        ),
        titles=(
            "Bent beyond belief",
            "Light took a detour",
            "Wavy window",
            "Need new glasses",
            "Black hole in a window",
        ),
    ),
    "camera_clipping": Wording(
        says=(
            "{A} [dip|sink] through the (floor|ground) and [show] the (void|emptiness) below the world",
            "the (void|emptiness) (below|underneath) the (ground|floor) [come] into view",
            "the view [slip|sink] (below|under) the (ground|floor), where no camera can be",
            "the (lower|bottom) part of the picture [show] the emptiness under the (ground|floor)",
            "{A} [clip] through the (floor|ground)",
            "{A} [go] through the solid (floor|ground) and [look] out from under it",
        ),
        law=(
            "a camera cannot be inside the solid ground",
            "solid ground lets neither a camera nor light through",
            "nothing can be seen from inside a solid body",
        ),
        normally=(
            "{A} would stay above the ground",
            "the ground would keep {A} out",
            "{A} would follow the scene from above the floor",
        ),
        titles=(
            "The cameraman fell through the floor",
            "Camera went to look for fossils",
            "View from the basement",
            "Who dropped the camera",
            "Mole's eye view",
        ),
    ),
}
