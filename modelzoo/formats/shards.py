"""WebDataset: tar files of samples, each a JSON text and, where videos are exported, its video beside it."""

import io
import json
import tarfile

from modelzoo.formats.base import VIDEOS

ROWS = 1000  # of a shard without videos
ROWS_WITH_VIDEOS = 100


class WebDataset:
    """webdataset/SPLIT-000000.tar ...; a sample's key is its number, for keys may hold no dot."""

    KINDS = tuple(VIDEOS)

    def __init__(self, files, info):
        self.files, self.info, self.number, self.tar = files, info, 0, None
        self.rows = ROWS_WITH_VIDEOS if info.has_videos else ROWS
        (files.folder / "webdataset").mkdir(exist_ok=True)

    def add(self, record):
        if self.number % self.rows == 0:
            self._next()
        text = json.dumps(record, ensure_ascii=False).encode()
        self._put("json", len(text), io.BytesIO(text))
        if self.info.has_videos:
            path = self.files.folder / self.info.videos / record["video"]
            with path.open("rb") as video:
                self._put("mp4", path.stat().st_size, video)
        self.number += 1

    def _put(self, ending, size, file):
        entry = tarfile.TarInfo(f"{self.number:09}.{ending}")
        entry.size, entry.mode = size, 0o644
        self.tar.addfile(entry, file)

    def _next(self):
        self.close()
        self.path = f"webdataset/{self.info.split}-{self.number // self.rows:06}.tar"
        self.tar = tarfile.open(self.files.folder / self.path, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115

    def close(self):
        if self.tar:
            self.tar.close()
            self.files.note(self.path)
            self.tar = None
