"""What is dropped by its text alone; similarities are worked out by hand."""

import pytest

from modelzoo.instruct import frames, rules
from modelzoo.instruct.own import seconds, wrong_span
from modelzoo.instruct.words import rouge_l

GOOD = "The crate hangs in the air although nothing holds it."


def test_rouge_l_is_the_f1_of_the_longest_common_subsequence():
    # "what glitch is here" and "what strange glitch is that": common "what glitch is", 3 words of 4 and of 5.
    assert rouge_l("What glitch is here?", "What strange glitch is that?") == pytest.approx(2 * 3 / 9)
    assert rouge_l("", "a") == 0 and rouge_l("One two.", "one TWO") == 1


@pytest.mark.parametrize(
    ("kind", "question", "answer", "reason"),
    [
        ("open", "What breaks?", GOOD, ""),
        ("open", "What breaks?", "As the title says, the crate floats in the air.", "title"),
        ("open", "What breaks?", "In the third frame the crate hangs in the air.", "frames"),
        ("open", "What breaks?", "These images show a crate that floats.", "frames"),
        ("open", "What breaks?", "The door frame bends like rubber when he leans on it.", ""),
        ("open", "What breaks?", "Her mirror image waves while she stands still.", ""),
        ("open", "What breaks?", "The image of the white ball in the mirror stands on its head.", ""),
        ("open", "What breaks?", "The images of both cars in the shallow water face away from them.", ""),
        ("open", "What breaks?", "The image shows that the crate floats in the water.", "frames"),
        ("open", "What breaks?", "The car is mirrored. In the image it floats above its tyres.", "frames"),
        ("open", "What breaks?", "In the last image his reflection is gone.", "frames"),
        ("open", "What breaks?", "I'm sorry, but I cannot see what happens there.", "refusal"),
        ("open", "What breaks?", "It cannot be determined from what is shown.", "refusal"),
        ("open", "What breaks?", "Floats.", "too_short"),
        ("open", "What breaks?", "word " * 400, "too_long"),
        ("open", "What happens in the second frame?", GOOD, "frames"),
        ("yes_no", "Is it normal?", "No, because nothing holds the crate up.", ""),
        ("yes_no", "Is it normal?", "The crate hangs in the air.", "no_verdict"),
        ("yes_no", "Is it normal?", "No.", "no_reason"),
        ("yes_no", "Is it normal?", "No, it isn't.", "no_reason"),
        ("choice", "Which? (A) One thing. (B) Another. (C) A third. (D) A last.", "(B) Another.", ""),
        ("choice", "Which? (A) One thing. (B) Another. (C) A third.", "(B) Another.", "bad_choice"),
        ("choice", "Which? (A) One thing. (B) Another. (C) A third. (D) A last.", "It is either A or B.", "bad_choice"),
        ("glitch_free", "Is anything wrong?", "Nothing breaks in it.", "contradiction"),
        ("open", "What is it?", "The tyre comes up higher after every bounce. Without a push from outside each bounce loses "
         "energy, so it should come up lower.", "copied"),
        ("open", "What violates the laws of physics in it?", GOOD, "repeated"),
    ],
)  # fmt: skip
def test_each_fault_has_its_reason(kind, question, answer, reason):
    others = ["What violates the laws of physics there?"]  # 7 of 8 words each: 0.875
    assert rules.fault(kind, question, answer, glitch=True, others=others) == reason


def test_frames_and_sizes():
    assert (
        frames.middles(300, 1) == [150] and frames.middles(300, 4) == [37, 112, 187, 262] and frames.middles(2, 8) == [0, 1]
    )
    assert frames.size_of(1280, 720) == (512, 288) and frames.size_of(1280, 720, scale="1/16") == (32, 18)
    assert frames.size_of(64, 48) == (64, 48) and frames.size_of(64, 48, scale="1/16") == (4, 3)


def test_spans():
    import random
    from fractions import Fraction

    assert seconds([[30, 90], [120, 149]], Fraction(30)) == "From 1.0 s to 3.0 s, and from 4.0 s to 5.0 s."
    wrong = wrong_span([[30, 89]], 150, random.Random(1))
    assert 90 <= wrong[0] and wrong[1] - wrong[0] == 59 and wrong[1] < 150
    assert wrong_span([[30, 89]], 100, random.Random(1)) is None
