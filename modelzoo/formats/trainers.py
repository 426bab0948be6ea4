"""Files of other trainers. Paths of videos are relative to the export's root, or to the root that a file names.

qwen.json                   [{video, conversations: [{from, value}]}]                 Qwen2.5-VL finetune
internvl.jsonl + meta       {id, video, conversations}; meta {root, annotation, ...}  InternVL
llamafactory.*.jsonl        {messages, videos} or {messages, chosen, rejected, videos}, with dataset_info.json
swift.jsonl                 {messages, videos [, rejected_response]}                  ms-swift
trl/metadata.jsonl          {prompt, completion} or {prompt, chosen, rejected}, with pictures: TRL knows no video

One <video> tag stands in each row, at the start of the first user turn, because one video belongs to it.
"""

import json

from modelzoo.formats.base import Listed

VIDEO = "<video>"


def turns(record):
    """[(role, text)] of a PhysInstruct record; instructions become the system text where all turns share one."""
    said = []
    instructions = {turn["i"] for turn in record["QA"] if turn["i"]}
    if len(instructions) == 1:
        said.append(("system", instructions.pop()))
    for turn in record["QA"]:
        said += [("user", turn["q"]), ("assistant", turn["a"])]
    return said


def plain(text):
    """A text without the tags that readers take for media."""
    return text.replace("<video>", "").replace("<image>", "").strip()


def messages(said, *, tag=VIDEO, key="role", value="content", names=None):
    """Chat messages with the tag of the video before the first user text."""
    names, found, tagged = names or {}, [], False
    for role, text in said:
        text = plain(text)
        if role == "user" and not tagged:
            text, tagged = f"{tag}\n{text}", True
        found.append({key: names.get(role, role), value: text})
    return found


_HUMAN = {"user": "human", "assistant": "gpt"}


class Qwen:
    KINDS = ("instruct",)

    def __init__(self, files, info):
        self.videos = info.videos
        self.list = Listed(files, "qwen.json")

    def add(self, record):
        said = [turn for turn in turns(record) if turn[0] != "system"]
        conversations = messages(said, key="from", value="value", names=_HUMAN)
        self.list.add({"video": f"{self.videos}/{record['video']}", "conversations": conversations})

    def close(self):
        self.list.close()


class InternVL:
    KINDS = ("instruct",)

    def __init__(self, files, info):
        self.files, self.info = files, info
        self.list = Listed(files, "internvl.jsonl")

    def add(self, record):
        said = [turn for turn in turns(record) if turn[0] != "system"]
        conversations = messages(said, key="from", value="value", names=_HUMAN)
        self.list.add({"id": self.list.count, "video": record["video"], "conversations": conversations})

    def close(self):
        self.list.close()
        meta = {"root": f"{self.info.videos}/", "annotation": "internvl.jsonl", "data_augment": False, "repeat_time": 1}
        self.files.text(
            "internvl_meta.json", json.dumps({self.info.name: meta | {"length": self.list.count}}, indent=1) + "\n"
        )


class LlamaFactory:
    KINDS = ("instruct", "preference")

    def __init__(self, files, info):
        self.files, self.info = files, info
        self.path = f"llamafactory.{'sft' if info.kind == 'instruct' else 'dpo'}.jsonl"
        self.list = Listed(files, self.path)

    def add(self, record):
        videos = [f"{self.info.videos}/{record['video']}"]
        if self.info.kind == "instruct":
            self.list.add({"messages": messages(turns(record)), "videos": videos})
            return
        answers = {
            name: {"role": "assistant", "content": plain(record[name])} for name in ("chosen", "rejected")
        }  # the messages end with the user
        self.list.add({"messages": messages([("user", record["prompt"])]), **answers, "videos": videos})

    def close(self):
        self.list.close()
        columns = {"messages": "messages", "videos": "videos"}
        entry = {"file_name": self.path, "formatting": "sharegpt"}
        if self.info.kind == "preference":
            entry["ranking"] = True
            columns |= {"chosen": "chosen", "rejected": "rejected"}
        tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
        entry |= {"columns": columns, "tags": tags | {"system_tag": "system"}}
        self.files.text("dataset_info.json", json.dumps({self.info.name: entry}, indent=1) + "\n")


class Swift:
    KINDS = ("instruct", "preference")

    def __init__(self, files, info):
        self.info = info
        self.list = Listed(files, "swift.jsonl")

    def add(self, record):
        videos = [f"{self.info.videos}/{record['video']}"]
        if self.info.kind == "instruct":
            self.list.add({"messages": messages(turns(record)), "videos": videos})
            return
        said = [("user", record["prompt"]), ("assistant", record["chosen"])]
        self.list.add({"messages": messages(said), "videos": videos, "rejected_response": plain(record["rejected"])})

    def close(self):
        self.list.close()


class Trl:
    """Read as datasets' "imagefolder": `images_file_names` names the pictures, which lie beside the file."""

    KINDS = ("instruct", "preference")

    def __init__(self, files, info):
        self.info = info
        self.list = Listed(files, "trl/metadata.jsonl")

    def _chat(self, said):
        return [{"role": role, "content": plain(text)} for role, text in said]

    def add(self, record):
        if self.info.kind == "instruct":
            said = self._chat(turns(record))
            row = {"prompt": said[:-1], "completion": said[-1:]}
        else:
            row = {"prompt": self._chat([("user", record["prompt"])])}
            row |= {name: self._chat([("assistant", record[name])]) for name in ("chosen", "rejected")}
        if self.info.frames:
            row["images_file_names"] = pictures(record["video"], self.info.frames)
        self.list.add(row)

    def close(self):
        self.list.close()


def pictures(video, count):
    """Names of the pictures of a video, relative to trl/."""
    stem = video.removesuffix(".mp4")
    return [f"frames/{stem}/{number:02}.jpg" for number in range(count)]
