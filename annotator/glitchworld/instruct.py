"""Conversations about a clip in the manner of PhysInstruct: free-text questions and answers, true of the clip."""

from functools import partial

from annotator.glitchworld import statements
from annotator.glitchworld import wording_talk as talk
from annotator.glitchworld.catalogue import WHOLE
from annotator.glitchworld.questions import GLITCH_FREE, four_statements, write_question
from annotator.glitchworld.telling import Teller, deeds, place
from annotator.glitchworld.wording import clause, pick, sentence
from annotator.glitchworld.wording_frames import exact_seconds
from annotator.glitchworld.wordings import WORDINGS

ELSE, CHOICE, LOOKALIKE = 0.3, 0.35, 0.6  # shares of conversations with such a turn, where there is something to say
MOST_FOLLOW_UPS = 3


def instruct_pairs(truth, *, rng, glitch_free=GLITCH_FREE):
    """[{"q", "a"}, ...] of one clip: an open question, follow-ups, and a yes-or-no question with its reason.

    Over a set with this share of glitch-free clips, half of the yes-or-no questions are answered "yes", and no claim is
    confirmed more often than denied.
    """
    speaker = Speaker(truth, rng=rng)
    follow_ups = [speaker.when, speaker.where, speaker.law, speaker.normally] if truth.glitch else [speaker.when]
    turns = [speaker.open, *rng.sample(follow_ups, min(rng.randint(1, MOST_FOLLOW_UPS), len(follow_ups)))]
    turns.append(partial(speaker.claim, glitch_free=glitch_free))
    if rng.random() < ELSE:
        turns.append(speaker.others)
    if rng.random() < LOOKALIKE:
        turns.append(speaker.is_that_a_glitch)
    if rng.random() < CHOICE:
        turns.append(partial(speaker.choice, glitch_free=glitch_free))
    return [pair for turn in turns if (pair := turn())]


class Speaker:
    """Asks and answers about one clip, in one way of naming its actors. Each turn gives {"q", "a"}, or None."""

    def __init__(self, truth, *, rng):
        self.truth, self.rng = truth, rng
        self.true = statements.of_truth(truth)
        self.teller = Teller.draw(truth, tense="present", rng=rng)

    # parts

    def line(self, lines, **names):
        """One of the lines with its names filled in, as a sentence."""
        text = pick(self.rng.choice(lines), rng=self.rng)
        capitals = {name.capitalize(): sentence(value)[:-1] for name, value in names.items() if name.islower()}
        return sentence(text.format(**names, **capitals))

    def says(self, statement):
        return self.teller.tell(statement, rng=self.rng)

    def of_glitch(self, part, statement):
        """A clause out of the wordings of a glitch: `law` or `normally`."""
        line = self.rng.choice(getattr(WORDINGS[statement.glitch], part))
        return clause(line, self.teller.words(statement, rng=self.rng), tense="present", rng=self.rng)

    def because(self, statement):
        return self.line(talk.BREAKS, law=self.of_glitch("law", statement))

    def ordinary(self):
        """A sentence about somebody who does what everybody may do; "" if nobody who moves can be seen."""
        actors = self._others()
        if not actors:
            return ""
        actor = self.rng.choice(actors)
        return self.line(talk.ORDINARY, A=self.teller.name(actor), deeds=deeds(actor.does))

    def account(self, statement):
        """What happens and why it cannot, in two sentences; or that nothing does, and what is seen instead."""
        reason = self.ordinary() if statement is None else self.because(statement)
        return f"{sentence(self.says(statement))} {reason}".strip()

    def _others(self):
        glitch = self.truth.glitch
        involved = (glitch.actor, glitch.other) if glitch else ()
        return [actor for actor in statements.in_the_picture(self.truth) if actor.id not in involved and deeds(actor.does)]

    # turns

    def open(self):
        answer = self.account(self.true)
        if self.true is None and self.rng.random() < 0.5:
            answer = f"{self.line(talk.NO_GLITCH)} {self.ordinary()}".strip()
        return {"q": self.line(talk.ASK_OPEN), "a": answer}

    def when(self):
        glitch, fps = self.truth.glitch, self.truth.fps
        if glitch is None:
            return {"q": self.line(talk.ASK_WHEN), "a": self.line(talk.NO_GLITCH_WHEN)}
        first, last = exact_seconds(glitch.first_frame / fps), exact_seconds((glitch.last_frame + 1) / fps)
        return {"q": self.line(talk.ASK_WHEN), "a": self.line(talk.SPAN, first=first, last=last)}

    def where(self):
        actor = self.truth.actor(self.true.actor)
        if actor.kind in WHOLE:
            lines = talk.WHERE_WHOLE if actor.kind == "camera" else talk.WHERE_LIGHT
            return {"q": self.line(talk.ASK_WHERE), "a": self.line(lines)}
        boxes = actor.boxes[self.truth.glitch.first_frame : self.truth.glitch.last_frame + 1]
        boxes = [box for box in boxes if box is not None] or [box for box in actor.boxes if box is not None]
        first, later = (place(box, self.truth) for box in (boxes[0], boxes[-1]))
        if first == later:
            answer = self.line(talk.WHERE, A=self.teller.name(actor), place=first)
        else:
            answer = self.line(talk.WHERE_MOVES, place=first, later=later)
        return {"q": self.line(talk.ASK_WHERE), "a": answer}

    def law(self):
        category = self.line(talk.CATEGORY, category=self.true.category)
        return {"q": self.line(talk.ASK_LAW), "a": f"{self.because(self.true)} {category}"}

    def normally(self):
        answer = self.line(talk.NORMALLY, normally=self.of_glitch("normally", self.true))
        without = deeds(self.truth.without.actor_does)
        if without:
            name = self.teller.name(self.truth.actor(self.true.actor))
            answer += " " + self.line(talk.WITHOUT, A=name, deeds=without)
        return {"q": self.line(talk.ASK_NORMALLY), "a": answer}

    def claim(self, *, glitch_free):
        """A yes-or-no question. The claim is the truth, or one of the three distractors a question would have."""
        chosen = four_statements(self.truth, rng=self.rng, glitch_free=glitch_free)
        claimed = chosen[0] if self.rng.random() < 0.5 else self.rng.choice(chosen[1:])
        opening = self.rng.choice(talk.YES if claimed == self.true else talk.NO)
        if claimed == self.true:
            reason = self.ordinary() if claimed is None else self.because(claimed)
        else:
            reason = sentence(self.says(self.true))
        return {"q": self.line(talk.ASK_IF, claim=self.says(claimed)), "a": f"{opening}. {reason}".strip()}

    def others(self):
        actors = self._others()
        if not actors:
            return {"q": self.line(talk.ASK_ELSE), "a": self.line(talk.NOBODY_ELSE)}
        actors = self.rng.sample(actors, min(3, len(actors)))
        answer = " ".join(sentence(f"{self.teller.name(actor)} {deeds(actor.does)}") for actor in actors)
        return {"q": self.line(talk.ASK_ELSE), "a": answer}

    def is_that_a_glitch(self):
        """Asked of the glitch, or of a legal event that looks like one."""
        glitch, events = self.truth.glitch, self._lookalikes()
        if glitch and (not events or self.rng.random() < 0.5):
            event = f"{self.says(self.true)} {self._at(glitch.first_frame)}"
            answer = f"{self.rng.choice(talk.YES)}. {self.because(self.true)}"
        elif events:
            one = self.rng.choice(events)
            line, reasons = talk.LOOKALIKES[one.name]
            actor = self.truth.actor(one.actor)
            event = line.format(A=self.teller.name(actor), when=self._at(one.frame))
            it, passes = ("them", "they pass") if actor.kind == "person" else ("it", "it passes")
            answer = f"{self.rng.choice(talk.NO)}. {sentence(self.rng.choice(reasons).format(it=it, it_=passes))}"
        else:
            return None
        return {"q": self.line(talk.IS_THAT_A_GLITCH, event=event), "a": answer}

    def _lookalikes(self):
        glitch = self.truth.glitch
        involved = (glitch.actor, glitch.other) if glitch else ()
        return [one for one in self.truth.lookalikes if one.name in talk.LOOKALIKES and one.actor not in involved]

    def _at(self, frame):
        seconds = frame / self.truth.fps
        return talk.AT_ONCE if seconds < 0.3 else f"at {exact_seconds(seconds)}"

    def choice(self, *, glitch_free):
        question = write_question(self.truth, rng=self.rng, glitch_free=glitch_free)
        options = " ".join(f"({letter}) {text}" for letter, text in zip("ABCD", question.options, strict=True))
        answer = f"({'ABCD'[question.answer_index]}) {question.options[question.answer_index]}"
        line = pick(self.rng.choice(talk.ASK_CHOICE), rng=self.rng)
        return {"q": line.format(stem=question.stem, options=options), "a": answer}
