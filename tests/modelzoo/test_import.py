"""Bringing a set in the public PhysGame format in, and out again."""

import io
import json
import tempfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotator.models import Clip, Question, Revision
from annotator.taxonomy import CATEGORIES
from modelzoo import exporting, importing, physgame
from qc import handing_out
from studio import jobs
from studio.models import Job, User
from tests.factories import ClipFactory, UserFactory
from tests.modelzoo.films import film
from tests.modelzoo.test_export import all_bytes

pytestmark = pytest.mark.django_db
ANY = exporting.Options(allow_unchecked=True)  # imported questions have not been checked for leaks


def row(name="1abc2de", **changes):
    return {
        "question_id": name,
        "question": "What best describes the glitch observed in the video?",
        "options": {"A": "A crate slides uphill.", "B": "A crate hangs in the air.", "C": "It fades.", "D": "It bends."},
        "answer": "B",
        "class_anno": "Mechanics",
        "subclass_anno": "Gravity",
    } | changes


def write_set(folder, rows, *, tree=None, videos=True):
    folder.mkdir(exist_ok=True)
    (folder / f"PhysGame_{len(rows)}_annotation.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    if tree is not None:
        (folder / physgame.TREE).write_text(json.dumps(tree, ensure_ascii=False), encoding="utf-8")
    if videos:
        (folder / physgame.VIDEOS).mkdir(exist_ok=True)
        for number, record in enumerate(rows):
            (folder / physgame.VIDEOS / f"{record['question_id']}.mp4").write_bytes(film(number))
    return folder


def bring_in(folder, **options):
    said = io.StringIO()
    call_command("import_physgame", str(folder), stdout=said, **options)
    return said.getvalue()


def run_all_jobs():
    for pk in Job.objects.filter(state=Job.State.QUEUED).values_list("pk", flat=True):
        assert jobs.run(pk) == Job.State.DONE


def forget_everything():
    """An empty database again; files in the storage may stay, they are named by content."""
    Revision.objects.all().delete()
    Question.objects.all().delete()
    Clip.objects.all().delete()
    User.objects.all().delete()


def test_a_public_set_comes_in_approved_with_its_ids_letters_and_chinese_kinds(tmp_path):
    title = "Skyrim horse - what is it doing? no really 😀"
    tree = physgame.empty_tree()
    tree["Mechanics"]["Gravity"] = {"悬浮": ["1abc2de", title]}
    said = bring_in(write_set(tmp_path / "set", [row(), row(title, answer="D")], tree=tree))
    assert "2 questions imported as approved" in said
    one, two = Question.objects.order_by("pk")
    assert (one.published_id, one.published_order, one.correct) == ("1abc2de", "BACD", "A crate hangs in the air.")
    assert (two.published_id, two.published_order, two.correct) == (title, "DABC", "It bends.")
    assert one.sub_label == two.sub_label == "悬浮"
    assert {question.state for question in (one, two)} == {Question.State.APPROVED}
    assert one.clip.source == Clip.Source.PHYSGAME
    assert one.clip.source_id == "1abc2de"
    assert one.clip.content == Clip.Content.ACCEPTED
    assert one.revisions.get().correct == one.correct
    author = one.author
    assert (author.username, author.is_active, author.roles) == ("imported", False, [])
    assert not author.has_usable_password()


def test_imported_clips_are_ingested_by_jobs_and_not_offered_for_writing(tmp_path):
    bring_in(write_set(tmp_path / "set", [row()]))
    assert Clip.objects.get().state == Clip.State.INGESTING
    run_all_jobs()
    clip = Clip.objects.get()
    assert (clip.state, clip.open_slots, clip.frame_count) == (Clip.State.READY, 0, 10)


def test_submitted_questions_are_reviewed_once_their_clip_is_ready(tmp_path):
    reviewer = UserFactory(roles=["reviewer"])
    bring_in(write_set(tmp_path / "set", [row()]), state="submitted")
    assert Clip.objects.get().content == Clip.Content.UNCHECKED
    assert handing_out.next_review(reviewer) is None
    run_all_jobs()
    assert handing_out.next_review(reviewer) == Revision.objects.get().pk


def test_a_second_run_skips_what_is_here_and_names_what_differs(tmp_path):
    rows = [row("one"), row("two"), row("three")]
    bring_in(write_set(tmp_path / "set", rows), limit=2)
    assert "1 questions imported as approved, 2 were here already" in bring_in(tmp_path / "set")
    write_set(tmp_path / "set", [rows[0], row("two", question="Which glitch?"), rows[2]])
    complaints = io.StringIO()
    with pytest.raises(CommandError, match="1 records were not imported"):
        call_command("import_physgame", str(tmp_path / "set"), stdout=io.StringIO(), stderr=complaints)
    assert "two: is here already with another question" in complaints.getvalue()
    assert Question.objects.count() == 3


def test_two_ids_with_the_same_video_are_one_clip_and_two_questions(tmp_path):
    folder = write_set(tmp_path / "set", [row("one"), row("two", answer="C")])
    (folder / physgame.VIDEOS / "two.mp4").write_bytes(film(0))
    bring_in(folder)
    assert Clip.objects.count() == 1
    assert Question.objects.count() == 2
    run_all_jobs()
    exporting.export(tmp_path / "out", options=ANY)
    assert json.loads((tmp_path / "out" / "PhysGame_2_annotation.json").read_text()) == [row("one"), row("two", answer="C")]


def test_a_clip_that_somebody_brought_before_is_used(tmp_path):
    folder = write_set(tmp_path / "set", [row()])
    clip, _created = importing.importing.bring(
        folder / physgame.VIDEOS / "1abc2de.mp4", original_name="mine.mp4", source=Clip.Source.UPLOAD
    )
    run_all_jobs()
    bring_in(folder)
    clip.refresh_from_db()
    assert Question.objects.get().clip == clip
    assert clip.open_slots == 0


def test_another_file_under_a_taken_source_id_is_named_and_nothing_of_it_is_stored(tmp_path):
    ClipFactory(source=Clip.Source.PHYSGAME, source_id="1abc2de")
    outcome = importing.bring_in(importing.read(write_set(tmp_path / "set", [row()]))[0], state="approved")
    assert len(outcome.conflicts) == 1
    assert "1abc2de" in outcome.conflicts[0]
    assert not Question.objects.exists()


BAD = [
    (row(answer="E"), "answer 'E' is not one of A, B, C, D"),
    (row(answer="AB"), "answer 'AB'"),
    (row(answer=["A"]), "answer ['A']"),
    (row(options={"A": "x", "B": "y", "C": "z"}), "exactly A, B, C and D"),
    (row(options=["a", "b", "c", "d"]), "exactly A, B, C and D"),
    (row(options={"A": "x", "B": "y", "C": "z", "D": 4}), "option D must be text, not int"),
    (row(options={"A": "x", "B": "y", "C": "z", "D": " "}), "option D is empty"),
    (row(options={"A": "x", "B": "X", "C": "z", "D": "w"}), "options A, B are the same"),
    (row(options={"A": "x", "B": "y", "C": "z", "D": "w" * 1001}), "option D has 1001 characters"),
    (row(question=None), "question must be text, not NoneType"),
    (row(question="w" * 301), "question has 301 characters"),
    (row(question="a\x00b"), "question holds a character that cannot be stored"),
    (row(subclass_anno="Magnetism"), "'Magnetism' is not one of the 12 categories"),
    (row(subclass_anno={}), "{} is not one of the 12 categories"),
    (row(class_anno="Optics"), "'Optics' is not the domain of Gravity, Mechanics"),
    (row(""), "question_id is empty"),
    (row("../secret"), "question_id cannot be the name of a file"),
    (row(7), "question_id must be text, not int"),
    (row("i" * 201), "question_id has 201 characters"),
    ({"question_id": "x"}, "lacks question, options, answer, class_anno, subclass_anno"),
    ("1abc", "is str, not an object"),
]


@pytest.mark.parametrize(("bad", "said"), BAD, ids=[said for _bad, said in BAD])
def test_a_bad_record_is_named_and_nothing_is_imported(tmp_path, bad, said):
    folder = write_set(tmp_path / "set", [row()])
    (folder / "PhysGame_1_annotation.json").write_text(json.dumps([row(), bad]))
    with pytest.raises(importing.CannotImport) as refused:
        importing.read(folder)
    assert any(problem.startswith("record 2") and said in problem for problem in refused.value.problems)
    assert not Clip.objects.exists()


def test_every_problem_of_a_set_is_listed_at_once(tmp_path):
    folder = write_set(tmp_path / "set", [row("one"), row("two"), row("one", answer="X")], videos=False)
    with pytest.raises(importing.CannotImport) as refused:
        importing.read(folder)
    assert refused.value.problems == [
        "record 3 (one): answer 'X' is not one of A, B, C, D",
        "record 3 (one): has the same question_id as record 1",
        f"one: its video {folder / physgame.VIDEOS / 'one.mp4'} is missing",
        f"two: its video {folder / physgame.VIDEOS / 'two.mp4'} is missing",
    ]


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"Mechanics": {"Gravity": {"x": ["nobody"]}}}, "'nobody' under Gravity is not in the annotation file"),
        ({"Mechanics": {"Friction": {"x": ["1abc2de"]}}}, "stands under Friction, its record says Gravity"),
        ({"Mechanics": {"Gravity": {"x": ["1abc2de"], "y": ["1abc2de"]}}}, "stands under two sub-labels"),
        ({"Mechanics": {"Colour": {"x": []}}}, "Mechanics / Colour is not in the taxonomy"),
        ({"Mechanics": {"Gravity": {"x" * 61: []}}}, "a sub-label of Gravity has 61 characters"),
        ({"Mechanics": {"Gravity": ["1abc2de"]}}, "Mechanics / Gravity has not the form"),
        ([], "the file has not the form"),
    ],
)
def test_a_bad_tree_is_refused(tmp_path, tree, said):
    folder = write_set(tmp_path / "set", [row()], tree=tree)
    with pytest.raises(importing.CannotImport) as refused:
        importing.read(folder)
    assert said in refused.value.problems[0]


@pytest.mark.parametrize("text", ["", "not json", "{}", '{"a": 1}', "[" * 100_000, "\udcff"])
def test_an_unreadable_annotation_file_is_refused_in_words(tmp_path, text):
    folder = write_set(tmp_path / "set", [row()])
    (folder / "PhysGame_1_annotation.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(importing.CannotImport, match="PhysGame_1_annotation.json (is not JSON|must hold a list)"):
        importing.read(folder)


def test_a_directory_without_an_annotation_file_is_refused(tmp_path):
    with pytest.raises(CommandError, match="must hold one PhysGame"):
        bring_in(tmp_path)


def test_an_active_person_called_imported_is_not_made_an_author(tmp_path):
    UserFactory(username="imported")
    with pytest.raises(CommandError, match="can sign in"):
        bring_in(write_set(tmp_path / "set", [row()]))


# ---- Round trip


def test_real_videos_go_out_in_and_out_again_byte_for_byte(tmp_path):
    rows = [row("first one"), row("second", subclass_anno="Rigidity", class_anno="Material Properties", answer="A")]
    bring_in(write_set(tmp_path / "set", rows))
    # A clip of our own that is no MP4 takes the way over its proxy.
    path = tmp_path / "own.mkv"
    path.write_bytes(film(7, "mkv"))
    clip, _created = importing.importing.bring(path, original_name="own.mkv", source=Clip.Source.UPLOAD)
    question = Question.objects.order_by("pk").first()
    author = UserFactory()
    own = Question.objects.create(
        clip=clip, author=author, state="approved", revision_number=1, **question.content_dict() | {"sub_label": "floating"}
    )
    Revision.objects.create(
        question=own, author=author, number=1, client_key="12345678123456781234567812345678", **own.content_dict()
    )
    Clip.objects.update(content=Clip.Content.ACCEPTED)
    run_all_jobs()
    exporting.export(tmp_path / "one", options=ANY)
    forget_everything()
    bring_in(tmp_path / "one")
    run_all_jobs()
    exporting.export(tmp_path / "two", options=ANY)
    one, two = all_bytes(tmp_path / "one"), all_bytes(tmp_path / "two")
    assert len([name for name in one if name.endswith(".mp4")]) == 3
    for name in one:
        if name not in ("README.md", "manifest.json"):  # these tell the sources, which an import changes
            assert one[name] == two[name], name
    assert set(one) == set(two)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=80).filter(
    str.strip
)
WEIRD = st.sampled_from(
    ['"quoted" \\ back', "two\nlines\r\n\ttabbed", "漂浮在空中 🚀", "é", "é", "a\u2028b", "</script>", "A", "%s"]
)
WORDS = st.one_of(TEXT, WEIRD)
IDS = st.one_of(TEXT, st.sampled_from(["con", "NUL.x", "a/b", "-rf", ".x", "x.", "Abc", "aBC", "é" * 90, "1abc_2", "?"]))


@st.composite
def questions(draw):
    options = draw(st.lists(WORDS, min_size=4, max_size=4, unique_by=lambda text: text.casefold()))
    return {
        "source_id": draw(IDS),
        "category": draw(st.sampled_from(list(CATEGORIES))),
        "sub_label": draw(st.one_of(st.just(""), WORDS.filter(lambda text: len(text) <= 60))),
        "stem": draw(WORDS),
        "options": options,
    }


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.lists(questions(), min_size=1, max_size=4, unique_by=lambda question: question["source_id"]))
def test_export_import_export_is_the_identity_for_any_text(db, made):
    with tempfile.TemporaryDirectory() as folder, transaction.atomic():
        folder = Path(folder)
        author = UserFactory()
        for number, question in enumerate(made):
            clip = ClipFactory(content=Clip.Content.ACCEPTED, source=Clip.Source.CSV, source_id=question["source_id"])
            content = {key: question[key] for key in ("category", "sub_label", "stem")}
            content |= dict(zip(physgame.OPTION_KEYS, question["options"], strict=True))
            stored = Question.objects.create(clip=clip, author=author, state="approved", revision_number=1, **content)
            Revision.objects.create(question=stored, author=author, number=1, client_key=f"{number:032d}", **content)
        text_only = exporting.Options(videos="none", allow_unchecked=True)
        exporting.export(folder / "one", options=text_only)
        (folder / "videos").mkdir()
        ids = [record["question_id"] for record in json.loads(next((folder / "one").glob("PhysGame_*")).read_text("utf-8"))]
        for number, name in enumerate(ids):
            (folder / "videos" / f"{name}.mp4").write_bytes(film(number))
        forget_everything()
        items, _notes = importing.read(folder / "one", videos=folder / "videos")
        outcome = importing.bring_in(items, state="approved")
        assert outcome.conflicts == []
        Clip.objects.update(state="ready", proxy="p", frame_count=1, fps_num=1)
        exporting.export(folder / "two", options=text_only)
        one, two = all_bytes(folder / "one"), all_bytes(folder / "two")
        for name in (f"PhysGame_{len(made)}_annotation.json", physgame.TREE):
            assert one[name] == two[name]
        transaction.set_rollback(True)
