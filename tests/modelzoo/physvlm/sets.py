"""Small sets of data for tests of training: moving squares as arrays or as videos, with questions, answers and pairs."""

import json
import random

import numpy as np

COLOURS = {"red": (220, 40, 40), "green": (40, 180, 60), "blue": (50, 80, 230), "yellow": (235, 215, 40)}
DEEDS = {"rises": (0, -3), "falls": (0, 3), "goes left": (-3, 0), "goes right": (3, 0)}


def clip(colour, deed, *, size, frames, seed):
    """(T, size, size, 3) bytes: a square of one colour that does one thing, on noise."""
    random_ = np.random.default_rng(seed)
    picture = random_.integers(90, 110, (frames, size, size, 3), dtype=np.uint8)
    across, down = DEEDS[deed]
    x, y = size // 2 - across * frames // 2, size // 2 - down * frames // 2
    for frame in range(frames):
        left, top = np.clip([x + across * frame, y + down * frame], 0, size - 9)
        picture[frame, top : top + 8, left : left + 8] = COLOURS[colour]
    return picture


def make_arrays(folder, *, clips=12, size=48, frames=8, seed=0):
    """A set in GlitchWorld's arrays layout with all three files of records; returns the folder."""
    folder.mkdir(parents=True)
    random_ = random.Random(seed)
    arrays = np.empty((clips, frames, size, size, 3), dtype=np.uint8)
    truths, records = [], {"questions": [], "conversations": [], "pairs": []}
    for number in range(clips):
        colour, deed = random_.choice(list(COLOURS)), random_.choice(list(DEEDS))
        arrays[number] = clip(colour, deed, size=size, frames=frames, seed=seed * 1000 + number)
        clip_id = f"set{seed}-{number:04}"
        truths.append({"clip_id": clip_id, "row": number})
        add_records(records, clip_id, colour, deed, random_)
    np.save(folder / "arrays.npy", arrays)
    (folder / "truth.jsonl").write_text("".join(json.dumps(truth) + "\n" for truth in truths))
    write_records(folder, records)
    return folder


def add_records(records, clip_id, colour, deed, random_):
    wrong = random_.sample([other for other in DEEDS if other != deed], 3)
    options = [f"The {colour} square {text}." for text in (deed, *wrong)]
    order = random_.sample(range(4), 4)
    records["questions"].append(
        {
            "question_id": clip_id,
            "question": "What happens?",
            "options": {letter: options[place] for letter, place in zip("ABCD", order, strict=True)},
            "answer": "ABCD"[order.index(0)],
            "class_anno": "Kinematics",
            "subclass_anno": "Velocity",
        }
    )
    turns = [
        {"i": "", "q": "Which colour is the square?", "a": f"It is {colour}."},
        {"i": "", "q": "And then?", "a": options[0]},
    ]
    records["conversations"] += [{"video": f"{clip_id}.mp4", "QA": turns}, {"video": f"{clip_id}.mp4", "QA": turns[:1]}]
    records["pairs"].append(
        {"video": f"{clip_id}.mp4", "prompt": "What happens?", "chosen": options[0], "rejected": options[1]}
    )


def write_records(folder, records):
    (folder / f"PhysGame_{len(records['questions'])}_annotation.json").write_text(json.dumps(records["questions"]))
    (folder / "PhysInstruct_small.json").write_text(json.dumps(records["conversations"]))
    (folder / "PhysDPO_small.json").write_text(json.dumps(records["pairs"]))


def make_videos(folder, *, clips=3, size=64, frames=20, seed=0, rate=10):
    """The same in the public layout with one video file a clip in PhysInstruct/; returns the folder."""
    import av

    (folder / "PhysInstruct").mkdir(parents=True)
    random_ = random.Random(seed)
    records = {"conversations": [], "pairs": [], "questions": []}
    for number in range(clips):
        colour, deed = random_.choice(list(COLOURS)), random_.choice(list(DEEDS))
        clip_id = f"video{seed}-{number}"
        with av.open(str(folder / "PhysInstruct" / f"{clip_id}.mp4"), "w") as container:
            stream = container.add_stream("libx264", rate=rate)
            stream.width, stream.height, stream.pix_fmt = size * 2, size, "yuv420p"
            for picture in clip(colour, deed, size=size, frames=frames, seed=number):
                wide = np.concatenate([picture, picture], axis=1)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(wide, format="rgb24")))
            container.mux(stream.encode(None))
        add_records(records, clip_id, colour, deed, random_)
    (folder / "PhysInstruct_anno_3.json").write_text(json.dumps(records["conversations"]))
    return folder
