"""One thread has the model. Requests join its running batch between two tokens and leave it when they are done.

A clip's features are kept for a while under the hash of its pixels, so several questions about one clip encode it once.
"""

import hashlib
import logging
import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field

import torch

from modelzoo.physvlm.backbones import Backbone
from modelzoo.physvlm.heat import heat_of
from modelzoo.physvlm.merging import expand_placeholders
from modelzoo.physvlm.serving.limits import Refused
from modelzoo.physvlm.serving.past import Past
from modelzoo.physvlm.serving.words import Writer, guide_ids, prompt_ids
from modelzoo.physvlm.tokens import Tokens

logger = logging.getLogger(__name__)
GATHER_S = 0.005  # how long the first of a batch waits for company
CLIPS_KEPT = 16


@dataclass
class Row:
    """One request on its way. `tell(event)` is called in the engine's thread with ("seen", heat), ("letters", ...),
    ("token", ...), ("end", reason) or ("error", Refused)."""

    wanted: object
    seen: object
    ids: list
    letters: list
    guide: tuple
    new_tokens: int
    deadline: float
    tell: object
    cancelled: threading.Event = field(default_factory=threading.Event)
    written: int = 0
    next_id: int = 0
    writer: Writer = None
    random: torch.Generator = None

    @property
    def prompt_tokens(self):
        return len(self.ids)


class Engine:
    def __init__(self, bundle, limits, *, device):
        self.bundle, self.limits, self.device = bundle, limits, torch.device(device)
        model = bundle.model
        self.own = not isinstance(model, Backbone)  # a PhysVLM, not a model of the library
        self.language = model.model.language_model if self.own else model.hf.model.language_model
        self.head = model.lm_head if self.own else model.hf.lm_head
        self.tokens = Tokens(
            bundle.tokenizer, bundle.scorer_tokenizer, bundle.config.image_token_id,
            bundle.config.pool_text if self.own else "question", bundle.scorer_limit if self.own else 1, 1 << 30,
        )  # fmt: skip
        stops = [bundle.tokenizer.eos_token_id, bundle.tokenizer.convert_tokens_to_ids("<|im_end|>")]
        self.ends = {stop for stop in stops if isinstance(stop, int)}
        self.context = model.config.text_config.max_position_embeddings
        self.waiting, self.condition = deque(), threading.Condition()
        self.clips = OrderedDict()
        self.rows, self.past = [], None
        self.stopping = False
        self.words = threading.Lock()  # the tokenizer is used by the server's thread and by ours
        self.thread = threading.Thread(target=self._run, name="engine", daemon=True)

    # ---- The server's side

    def start(self):
        self.thread.start()

    def stop(self):
        with self.condition:
            self.stopping = True
            self.condition.notify()
        if self.thread.is_alive():
            self.thread.join(10)

    def row(self, wanted, seen, *, deadline, tell):
        """A `Row` ready to submit; `Refused` for what the model cannot read."""
        config = self.bundle.config
        with self.words:
            ids, letters = prompt_ids(self.bundle.tokenizer, wanted, seen=seen is not None)
            guide = guide_ids(self.tokens, wanted) if self.own else ()
        try:
            counts = [] if seen is None else [config.visual_token_count(len(seen.pixels))]
            ids = expand_placeholders(ids, None, counts, config.image_token_id)[0]
        except ValueError as error:
            raise Refused(str(error), param="messages") from None
        left = self.context - len(ids)
        new_tokens = 1 if letters else wanted.new_tokens or max(1, min(left, self.limits.new_tokens))
        if new_tokens > left:
            raise Refused(
                f"The conversation has {len(ids)} tokens and asks for {new_tokens} more; the model reads {self.context}.",
                param="messages", code="context_length_exceeded",
            )  # fmt: skip
        if wanted.heat and (not self.own or seen is None):
            why = "no clip is shown" if self.own else "this model does not pool by the question"
            raise Refused(f"There is no heat map: {why}.", param="physvlm.heat")
        row = Row(wanted, seen, ids, letters, guide, new_tokens, deadline, tell)
        row.writer = Writer(self._decode, wanted.stop)
        if wanted.temperature > 0:
            row.random = torch.Generator()
            row.random.seed() if wanted.seed is None else row.random.manual_seed(wanted.seed)
        return row

    def submit(self, row):
        with self.condition:
            self.waiting.append(row)
            self.condition.notify()

    def _decode(self, ids):
        with self.words:
            return self.bundle.tokenizer.decode(ids, skip_special_tokens=True)

    # ---- The engine's thread

    @torch.inference_mode()
    def _run(self):
        while True:
            joining = self._next()
            if joining is None:
                return
            try:
                self._begin(joining)
                if self.rows:
                    self._step()
            except Exception as error:  # the model failed; whoever waits for it is told, and the next ones are served
                logger.exception("The model failed")
                full = isinstance(error, torch.OutOfMemoryError)
                why = "The model ran out of memory" if full else "The model failed"
                told = Refused(
                    f"{why}; the server's log says more.", status=503 if full else 500, retry_after=10 if full else None
                )
                for row in {id(row): row for row in [*joining, *self.rows]}.values():
                    row.tell(("error", told))
                self.rows, self.past = [], None

    def _next(self):
        """Rows that may join now, [] while others run, None to end. Waits only where nothing runs."""
        with self.condition:
            while not self.waiting and not self.rows:
                if self.stopping:
                    return None
                self.condition.wait()
            if self.waiting and not self.rows and len(self.waiting) < self.limits.batch:
                self.condition.wait(GATHER_S)
            joining, places = [], 0
            while self.waiting and len(joining) + len(self.rows) < self.limits.batch:
                row = self.waiting[0]
                places = max(places, row.prompt_tokens)
                if joining and places * (len(joining) + 1) > self.limits.batch_tokens:
                    break
                self.waiting.popleft()
                if not row.cancelled.is_set():
                    joining.append(row)
        return joining

    def _features(self, seen):
        """What the model encodes of a clip, kept for those who ask about it next."""
        key = hashlib.sha256(seen.pixels.tobytes()).digest()
        if key not in self.clips:
            pixels = torch.from_numpy(seen.pixels)[None].to(self.device)
            self.clips[key] = self.bundle.model.encode_frames(pixels)
            while len(self.clips) > CLIPS_KEPT:
                self.clips.popitem(last=False)
        self.clips.move_to_end(key)
        return self.clips[key]

    def _look(self, row):
        """Visual tokens (n,hidden) of a row, None without a clip."""
        if row.seen is None:
            return None
        features, model = self._features(row.seen), self.bundle.model
        if not self.own:
            return model.pool(features)[0]
        guide = torch.tensor(row.guide, device=self.device)
        if row.wanted.heat:
            row.tell(("seen", heat_of(model, features[0], guide).float().cpu()))
        return model.pool(features, guide[None])[0]

    def _begin(self, joining):
        """Read the prompts of rows that join, in one pass, and choose their first tokens."""
        late = [row for row in joining if time.monotonic() > row.deadline]
        for row in late:
            row.tell(("error", _too_late()))
        joining = [row for row in joining if row not in late]
        # A model of the library counts positions by one clip's grid, so each of its rows is read alone.
        for some in [joining] if self.own else [[row] for row in joining]:
            if some:
                self._read(some)

    def _read(self, rows):
        config, model = self.bundle.config, self.bundle.model
        width, pad = max(row.prompt_tokens for row in rows), config.pad_token_id or 0
        ids = torch.tensor([[pad] * (width - len(row.ids)) + row.ids for row in rows], device=self.device)
        mask = torch.tensor([[0] * (width - len(row.ids)) + [1] * len(row.ids) for row in rows], device=self.device)
        looks = [self._look(row) for row in rows]
        if self.own:
            empty = model.model.image_newline.new_zeros(0, model.model.image_newline.shape[0])
            visual = [empty if tokens is None else tokens for tokens in looks]
            given = {"pixels": None, "features": None, "visual_tokens": visual, "scorer_ids": None}
            embeds, mask, positions, _ = model.model.see(ids, mask, None, None, **given)
        else:
            visual = None if looks[0] is None else looks
            given = {"pixels": None, "features": None, "visual_tokens": visual, "clip_of_row": None}
            embeds, mask, positions, _ = model.see(ids, mask, None, None, **given)
        out = self.language(inputs_embeds=embeds, attention_mask=mask, position_ids=positions, use_cache=True)
        logits = self.head(out.last_hidden_state[:, -1]).float()
        past = Past.of(out.past_key_values, mask, positions.amax(-1, keepdim=True) + 1)
        going = self._choose(rows, logits)
        if going:
            past = past.rows(going)
            self.past = past if self.past is None else self.past.join(past)
            self.rows += [rows[place] for place in going]

    def _step(self):
        """One more token for every row."""
        keep = [place for place, row in enumerate(self.rows) if not row.cancelled.is_set()]
        if len(keep) < len(self.rows):
            self._keep(keep)
            if not keep:
                return
        past = self.past
        ids = torch.tensor([[row.next_id] for row in self.rows], device=self.device)
        mask = torch.cat([past.mask, past.mask.new_ones(len(ids), 1)], dim=1)
        out = self.language(
            inputs_embeds=self.bundle.model.get_input_embeddings()(ids) if self.own
            else self.bundle.model.hf.get_input_embeddings()(ids),
            attention_mask=mask, position_ids=past.following, past_key_values=past.cache(), use_cache=True,
        )  # fmt: skip
        self.past = Past.of(out.past_key_values, mask, past.following + 1)
        going = self._choose(self.rows, self.head(out.last_hidden_state[:, -1]).float())
        if len(going) < len(self.rows):
            self._keep(going)

    def _keep(self, places):
        self.rows = [self.rows[place] for place in places]
        self.past = self.past.rows(places) if places else None

    def _choose(self, rows, logits):
        """Tell each row what the model says next; places of those that go on."""
        going = []
        for place, (row, line) in enumerate(zip(rows, logits, strict=True)):
            if row.letters:
                row.tell(("letters", *_letters(line, row.letters)))
                row.tell(("end", "stop"))
            elif self._write(row, line):
                going.append(place)
        return going

    def _write(self, row, line):
        """Choose a row's next token and tell it; whether the row goes on."""
        wanted = row.wanted
        if time.monotonic() > row.deadline:
            row.tell(("error", _too_late()))
            return False
        token = _sampled(line, wanted, row.random)
        if token in self.ends and not wanted.ignore_eos:
            row.tell(("token", row.writer.rest(), None))
            row.tell(("end", "stop"))
            return False
        row.next_id, row.written = token, row.written + 1
        text = row.writer.add(token)
        last = row.writer.stopped or row.written >= row.new_tokens
        row.tell(("token", text + (row.writer.rest() if last else ""), self._logprob(line, token, wanted)))
        if last:
            row.tell(("end", "stop" if row.writer.stopped else "length"))
        return not last

    def _logprob(self, line, token, wanted):
        """(token, its log-probability, [(token, log-probability)] of the most probable), None where nobody asked."""
        if not wanted.logprobs:
            return None
        logps = line.log_softmax(-1)
        top = logps.topk(min(wanted.top_logprobs, len(logps))) if wanted.top_logprobs else None
        most = [] if top is None else list(zip(top.indices.tolist(), top.values.tolist(), strict=True))
        return (token, float(logps[token])), most


def _letters(line, ids):
    """(probabilities of the letters among themselves, their probability among all tokens)."""
    some = line.log_softmax(-1)[torch.tensor(ids, device=line.device)]
    return some.softmax(-1).tolist(), float(some.exp().sum())


def _sampled(line, wanted, random):
    if random is None:
        return int(line.argmax())
    chances = (line.cpu() / wanted.temperature).softmax(-1)
    if wanted.top_p < 1:
        sorted_chances, order = chances.sort(descending=True)
        beyond = sorted_chances.cumsum(-1) - sorted_chances >= wanted.top_p
        beyond[0] = False
        chances[order[beyond]] = 0
    return int(torch.multinomial(chances, 1, generator=random))


def _too_late():
    return Refused("The answer took longer than this server allows.", status=503, code="timeout", retry_after=5)
