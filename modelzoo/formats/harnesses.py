"""Files of evaluation harnesses: lmms-eval (task and parquet) and VLMEvalKit (TSV), one row for each question."""

import csv
import io

from annotator.letters import LETTERS
from modelzoo.formats.tables import Table

_TASK = """task: {task}
dataset_path: parquet
dataset_kwargs:
  data_files:
    test: lmms_eval/{task}.parquet
test_split: test
output_type: generate_until
doc_to_visual: !function utils.doc_to_visual
doc_to_text: !function utils.doc_to_text
doc_to_target: answer
generation_kwargs:
  max_new_tokens: 16
  temperature: 0
  do_sample: false
process_results: !function utils.process_results
metric_list:
  - metric: accuracy
    aggregation: mean
    higher_is_better: true
metadata:
  version: 1.0
"""

_UTILS = '''"""What lmms-eval calls for the task {task}. Set PHYSGAME_ROOT to the folder of the export."""

import os
import re

LETTERS = "ABCD"
PRE = "Watch the video and choose the option that describes the glitch in it."
POST = "Answer with the letter of the option (A, B, C or D) only."


def doc_to_visual(doc):
    return [os.path.join(os.environ.get("PHYSGAME_ROOT", "."), doc["video_path"])]


def doc_to_text(doc, lmms_eval_specific_kwargs=None):
    options = "\\n".join(f"{{letter}}. {{text}}" for letter, text in zip(LETTERS, doc["options"]))
    return f"{{PRE}}\\n{{doc['question']}}\\n{{options}}\\n{{POST}}"


def parse(reply):
    """The letter a reply begins with, "" where it names none: no answer is never a right one."""
    found = re.match(r"\\s*\\(?([A-D])(?![A-Za-z])(?!\\s+[a-z])", reply)
    return found[1] if found else ""


def process_results(doc, results):
    return {{"accuracy": float(parse(results[0]) == doc["answer"])}}
'''


class LmmsEval:
    KINDS = ("benchmark",)

    def __init__(self, files, info):
        self.files, self.info = files, info
        self.task = "physgame_" + "".join(char if char.isalnum() else "_" for char in info.name)
        names = "question_id video_path question options answer domain sub_category"
        self.table = Table(
            files, f"lmms_eval/{self.task}.parquet", dict.fromkeys(names.split(), "text") | {"options": "texts"}
        )

    def add(self, record):
        self.table.add(
            question_id=record["question_id"],
            video_path=f"{self.info.videos}/{record['video']}",
            question=record["question"],
            options=[record["options"][letter] for letter in LETTERS],
            answer=record["answer"],
            domain=record["class_anno"],
            sub_category=record["subclass_anno"],
        )

    def close(self):
        self.table.close()
        self.files.text(f"lmms_eval/{self.task}.yaml", _TASK.format(task=self.task))
        self.files.text("lmms_eval/utils.py", _UTILS.format(task=self.task))


class VlmEvalKit:
    """`index, video, video_path, question, candidates, answer, ...`; candidates are a Python list, as Video-MME has them."""

    KINDS = ("benchmark",)
    COLUMNS = (
        "index video video_path duration domain candidates sub_category task_type subtitle_path question answer"
    ).split()

    def __init__(self, files, info):
        self.info, self.index = info, 0
        self.file = files.open("vlmevalkit.tsv")
        self._row(self.COLUMNS)

    def _row(self, cells):
        line = io.StringIO()
        csv.writer(line, delimiter="\t", lineterminator="\n").writerow(cells)
        self.file.write(line.getvalue())

    def add(self, record):
        candidates = repr([f"{letter}. {record['options'][letter]}" for letter in LETTERS])
        video = f"{self.info.videos}/{record['video']}"
        stem = record["video"].removesuffix(".mp4")
        kind = record["subclass_anno"], "glitch", ""
        row = [
            self.index,
            stem,
            video,
            "short",
            record["class_anno"],
            candidates,
            *kind,
            record["question"],
            record["answer"],
        ]
        self._row(row)
        self.index += 1

    def close(self):
        self.file.close()
