"""Reading, freezing and leaving out: what is trained on is known, and what is wrong is named."""

import json

import numpy as np
import pytest

from modelzoo.physvlm.data import freeze, sources
from modelzoo.physvlm.data.sources import BadData
from tests.modelzoo.physvlm.sets import make_arrays, make_videos


@pytest.fixture
def arrays(tmp_path):
    return make_arrays(tmp_path / "set", clips=4)


def test_a_folder_of_arrays_gives_conversations_pairs_and_questions(arrays):
    data = sources.read([arrays])
    assert (len(data.conversations), len(data.pairs), len(data.questions), len(data.clips)) == (8, 4, 4, 4)
    assert data.clips["set0-0002"].row == 2 and data.clips["set0-0002"].path.endswith("arrays.npy")
    assert len(data.conversations[0].turns) == 2
    question = data.questions[0]
    assert question.block.startswith(f"Question: What happens?\nOptions:\n(A) {question.options[0]}\n(B) ")
    assert data.sources == [{"path": str(arrays), "kind": "glitchworld-arrays", "rows": 16, "clips": 4}]


def test_a_folder_of_videos_in_the_public_format(tmp_path):
    data = sources.read([make_videos(tmp_path / "set", clips=2)])
    assert sorted(data.clips) == ["video0-0", "video0-1"]
    assert data.clips["video0-0"].path.endswith("PhysInstruct/video0-0.mp4") and data.clips["video0-0"].row is None


def test_clips_of_the_same_name_in_two_folders_stay_apart(tmp_path):
    folders = [make_arrays(tmp_path / name, clips=2) for name in ("one", "two")]
    data = sources.read(folders)
    assert sorted(data.clips) == ["set0-0000", "set0-0000-2", "set0-0001", "set0-0001-2"]
    assert {row.clip_id for row in data.pairs} == set(data.clips)


def change(folder, name, edit):
    path = next(folder.glob(name))
    rows = json.loads(path.read_text())
    edit(rows)
    path.write_text(json.dumps(rows))


@pytest.mark.parametrize(
    ("name", "edit", "said"),
    [
        ("PhysDPO*", lambda rows: rows[1].pop("chosen"), r"PhysDPO_small.json, record 2: chosen must be text"),
        ("PhysDPO*", lambda rows: rows[0].update(rejected=rows[0]["chosen"]), "chosen and rejected are the same"),
        ("PhysInstruct*", lambda rows: rows[2].update(QA=[]), "record 3: QA must be a list"),
        ("PhysInstruct*", lambda rows: rows[0].update(video="../../etc/passwd"), "points outside the folder"),
        ("PhysInstruct*", lambda rows: rows[0].update(video="other.mp4"), "the clip other is not in truth.jsonl"),
        ("PhysGame*", lambda rows: rows[0].update(answer="E"), "answer 'E' is not one of A, B, C, D"),
        ("PhysGame*", lambda rows: rows[0]["options"].pop("D"), "exactly A, B, C and D"),
        ("PhysGame*", lambda rows: rows[0]["options"].update(A="x", B="X"), "two options are the same"),
        ("PhysGame*", lambda rows: rows[0].update(question_id="a/b"), "cannot be the name of a file"),
    ],
)
def test_a_bad_record_is_named(arrays, name, edit, said):
    change(arrays, name, edit)
    with pytest.raises(BadData, match=said):
        sources.read([arrays])


def test_a_missing_video_and_an_empty_folder_are_named(tmp_path):
    folder = make_videos(tmp_path / "set", clips=1)
    next((folder / "PhysInstruct").iterdir()).unlink()
    with pytest.raises(BadData, match="the video video0-0.mp4 is neither in"):
        sources.read([folder])
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadData, match="is it the right folder"):
        sources.read([tmp_path / "empty"])
    with pytest.raises(BadData, match="is not a folder"):
        sources.read([tmp_path / "nowhere"])


def test_frozen_data_comes_back_the_same_and_a_change_is_noticed(arrays, tmp_path):
    data = sources.read([arrays])
    manifest = freeze.freeze(data, tmp_path / "frozen", left_out=["gone"])
    again, hashes, read = freeze.thaw(tmp_path / "frozen")
    assert read == manifest
    assert (again.conversations, again.pairs, again.questions) == (data.conversations, data.pairs, data.questions)
    assert again.clips == data.clips and len(set(hashes.values())) == 4
    assert json.loads((tmp_path / "frozen" / "left_out.jsonl").read_text()) == {"clip_id": "gone"}
    rows = tmp_path / "frozen" / "rows.jsonl"
    rows.write_text(rows.read_text().replace("red", "rod").replace("blue", "blew").replace("green", "grin"))
    with pytest.raises(BadData, match="is not what the run froze"):
        freeze.thaw(tmp_path / "frozen")


def test_the_hash_of_the_data_changes_with_a_pixel_and_not_with_the_place(arrays, tmp_path):
    def digest(folder, name):
        return freeze.freeze(sources.read([folder]), tmp_path / name)["sha256"]

    first = digest(arrays, "a")
    moved = arrays.rename(tmp_path / "moved")
    assert digest(moved, "b") == first
    pixels = np.load(moved / "arrays.npy")
    pixels[3, 0, 0, 0, 0] ^= 1
    np.save(moved / "arrays.npy", pixels)
    assert digest(moved, "c") != first


def test_texts_with_odd_line_ends_survive(arrays, tmp_path):
    change(arrays, "PhysDPO*", lambda rows: rows[0].update(chosen="one\u2028two\x85three\nfour"))
    data = sources.read([arrays])
    freeze.freeze(data, tmp_path / "frozen")
    assert freeze.thaw(tmp_path / "frozen")[0].pairs == data.pairs


def test_clips_are_left_out_by_name_only(arrays):
    data = sources.read([arrays]).without(["set0-0001"])
    assert len(data.clips) == 3 and all(
        row.clip_id != "set0-0001" for row in data.pairs + data.questions + data.conversations
    )
    with pytest.raises(BadData, match="names nobody, which is not in the data"):
        data.without(["nobody"])


def test_an_array_of_another_shape_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, 3, 4), dtype=np.float32))
    with pytest.raises(BadData, match="must hold bytes of shape"):
        freeze.open_array(tmp_path / "a.npy")
