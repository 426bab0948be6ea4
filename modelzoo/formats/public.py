"""The public files of PhysGame, PhysInstruct and PhysDPO, as published and as our own trainer reads them."""

import json

from annotator.taxonomy import CATEGORIES
from modelzoo import physgame
from modelzoo.formats.base import Listed

PAIR = ("id", "video", "prompt", "chosen", "rejected", "chosen_score", "rejected_score")


def file_name(kind, name, rows):
    """What the file of a release is called that holds `rows` rows."""
    names = {"instruct": f"PhysInstruct_{name}.json", "preference": f"PhysDPO_{name}.json"}
    return names.get(kind) or physgame.annotation_name(rows)


class Public:
    KINDS = ("benchmark", "instruct", "preference")

    def __init__(self, files, info):
        self.files, self.kind = files, info.kind
        self.list = Listed(files, file_name(info.kind, info.name, info.rows))
        self.tree = physgame.empty_tree()

    def add(self, record):
        if self.kind == "benchmark":
            category = record["subclass_anno"]
            leaf = self.tree[CATEGORIES[category].domain][category]
            leaf.setdefault(record["sub_label"] or physgame.NO_SUB_LABEL, []).append(record["question_id"])
            self.list.add({field: record[field] for field in physgame.FIELDS})
        elif self.kind == "instruct":
            self.list.add({"video": record["video"], "QA": record["QA"]})
        else:
            self.list.add({field: record[field] for field in PAIR})

    def close(self):
        self.list.close()
        if self.kind == "benchmark":
            tree = json.dumps(physgame.sort_tree(self.tree), ensure_ascii=False, indent=1)
            self.files.text(physgame.TREE, tree + "\n")
