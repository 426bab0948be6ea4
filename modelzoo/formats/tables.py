"""Parquet: typed columns, written in batches so that memory stays flat."""

from modelzoo.formats.base import VIDEOS

_BATCH = 2000
_COLUMNS = {
    "benchmark": {
        "question_id": "text", "video": "text", "question": "text", "options": "texts", "answer": "text",
        "class_anno": "text", "subclass_anno": "text", "sub_label": "text", "spans_s": "spans", "clip_sha256": "text",
    },
    "instruct": {"id": "text", "video": "text", "QA": "turns", "clip_sha256": "text"},
    "preference": {
        "id": "text", "video": "text", "prompt": "text", "chosen": "text", "rejected": "text",
        "chosen_score": "number", "rejected_score": "number", "clip_sha256": "text",
    },
}  # fmt: skip


class Table:
    """One parquet file. `columns`: {name: "text", "texts", "number", "spans" or "turns"}."""

    def __init__(self, files, path, columns):
        import pyarrow as arrow
        from pyarrow import parquet

        self.arrow, self.files, self.path = arrow, files, path
        turn = arrow.struct([(name, arrow.string()) for name in ("i", "q", "a")])
        types = {
            "text": arrow.string(),
            "texts": arrow.list_(arrow.string()),
            "number": arrow.float64(),
            "spans": arrow.list_(arrow.list_(arrow.float64())),
            "turns": arrow.list_(turn),
        }
        self.schema = arrow.schema([(name, types[kind]) for name, kind in columns.items()])
        (files.folder / path).parent.mkdir(parents=True, exist_ok=True)
        self.writer = parquet.ParquetWriter(files.folder / path, self.schema, compression="zstd")
        self.rows = []

    def add(self, **row):
        self.rows.append(row)
        if len(self.rows) == _BATCH:
            self._flush()

    def _flush(self):
        self.writer.write_table(self.arrow.Table.from_pylist(self.rows, schema=self.schema))
        self.rows = []

    def close(self):
        if self.rows:
            self._flush()
        self.writer.close()
        self.files.note(self.path)


class Parquet:
    """data/SPLIT.parquet, which `datasets.load_dataset(folder)` and anything else that knows parquet reads."""

    KINDS = tuple(VIDEOS)

    def __init__(self, files, info):
        self.info, self.columns = info, _COLUMNS[info.kind]
        self.table = Table(files, f"data/{info.split}.parquet", self.columns)

    def add(self, record):
        row = {name: record.get(name) for name in self.columns}
        if "options" in row:
            row["options"] = list(row["options"].values())
        row["video"] = f"{self.info.videos}/{record['video']}"
        self.table.add(**row)

    def close(self):
        self.table.close()
