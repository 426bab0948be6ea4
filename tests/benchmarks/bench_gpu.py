"""How fast does the 7B train on the GPU at hand? `python -m tests.benchmarks.bench_gpu [--parts P...]`

The full model has random weights, which cost what trained ones cost. Needs torch, transformers and a GPU, nothing else.

    train     whole steps of `physvlm-7b-sft` and `physvlm-7b-dpo`: the loop that trains, with its optimizer. Samples a
              second, MFU (operations of the model, nothing recomputed counted, over the datasheet's bf16) and memory.
              SFT: four questions a clip of 32 frames. Where float32 moments do not fit they are bf16, as is printed.
    ratio     forward and backward against the published way (see `bench_training`), in turns, with all its work: for DPO
              half of what is computed once for both epochs is added to ours.
    compile   the SFT step with and without `compile=true`
    letters   a question's letters by one forward pass against `generate` of 200 tokens, and four rotations of one clip

`--shape unit` runs the same code on a small model, also without a GPU, to try it.
"""

import argparse
import datetime
import gc
import json
import os
import statistics
import time
import types
import warnings

import torch

from tests.benchmarks import bench_training as peers

PARTS = ("train", "ratio", "compile", "letters")
PROMPT, ANSWER = 24, 48  # tokens of a question and an answer: PhysInstruct's are about as long
AIM_MFU, AIM = 0.35, {"sft": 1.6, "dpo": 3.0}


class Bench:
    def __init__(self, shape):
        self.shape, self.cuda = shape, torch.cuda.is_available()
        self.device = torch.device("cuda:0" if self.cuda else "cpu")
        self.results = {"device": torch.cuda.get_device_name() if self.cuda else "cpu", "torch": torch.__version__}
        self.results["date"] = datetime.date.today().isoformat()

    def say(self, name, **values):
        self.results[name] = values
        shown = ", ".join(
            f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}" for key, value in values.items()
        )
        print(f"{name}: {shown}", flush=True)

    # ---- what is measured with

    def settings(self, stage, **changed):
        from modelzoo.physvlm import presets

        settings = dict(presets.preset(f"physvlm-7b-{stage}", stage=stage).settings)
        if self.shape == "unit":
            settings |= {"model": "unit", "frames": 4, "kernel_hw": 2}
        return settings | {"moments": self.moments(), "samples": 0, "log_every": 1} | changed

    def moments(self):
        """16 bytes a weight with float32 moments, 12 with bf16: which fits beside 35 GB for activations."""
        if not self.cuda:
            return "fp32"
        room = torch.cuda.mem_get_info()[1] - 35e9
        return "fp32" if room > 16 * 7.7e9 else "bf16"

    def model(self, settings, dtype=torch.float32):
        from modelzoo.physvlm import PhysVLMForConditionalGeneration, build

        torch.manual_seed(0)
        config = build.sizes(settings)
        torch.set_default_dtype(dtype)
        try:
            with self.device:
                return PhysVLMForConditionalGeneration(config)
        finally:
            torch.set_default_dtype(torch.float32)

    def clips(self, model, count):
        size = model.config.vision_config.image_size
        shape = (count, model.config.frames, 3, size, size)
        return torch.randint(0, 256, shape, dtype=torch.uint8, device=self.device)

    def rows(self, model, stage, clips, questions=4):
        return peers.make_rows(
            stage, image=model.config.image_token_id, clips=clips, questions=questions, prompt=PROMPT, answer=ANSWER
        )

    def free(self):
        gc.collect()
        if self.cuda:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def peak(self):
        return torch.cuda.max_memory_allocated() / 1e9 if self.cuda else 0.0

    def timed(self, function, *arguments):
        if self.cuda:
            torch.cuda.synchronize()
        begun = time.perf_counter()
        result = function(*arguments)
        if self.cuda:
            torch.cuda.synchronize()
        return time.perf_counter() - begun, result

    # ---- whole steps of the loop

    def steps(self, model, settings, stage, *, clips, micro, count):
        """`count` equal steps of `clips` clips, `micro` clips at a time, as the loop takes them."""
        from modelzoo.physvlm.data.batches import Micro, Step
        from modelzoo.physvlm.scoring import branch_logps

        micros = []
        for _ in range(clips // micro):
            rows, pixels = self.rows(model, stage, micro), self.clips(model, micro)
            batch = peers.our_batch(model, rows)
            given, keys = pixels, None
            if stage == "dpo":
                with torch.no_grad():
                    ids, places = batch.inputs["scorer_ids"], batch.inputs["clip_of_row"]
                    given = torch.stack(list(model.pool(model.encode_frames(pixels), ids, clip_of_row=places)))
                    keys = branch_logps(model, batch, {"visual_tokens": given}).float()
            micros.append(Micro(batch, given, 1, keys))
        batches = [one.batch for one in micros]
        rows = sum(len(one.inputs["input_ids"]) for one in batches)
        labels, tokens = sum(len(one.targets) for one in batches), sum(one.tokens for one in batches)
        return [Step(number, 0, micros, rows, labels, labels // 2, tokens, []) for number in range(count)]

    def train(self, stage, *, clips, micro, count=6, **changed):
        """Metrics of the last steps but two (the first allocate), as a run logs them."""
        import functools

        from modelzoo.physvlm import build, cost
        from modelzoo.physvlm.loop import Loop
        from modelzoo.physvlm.optimizer import AdamW
        from modelzoo.physvlm.parallel import World, Wrapped
        from modelzoo.physvlm.train import micro_flops

        class Unsaved(Loop):
            def save(self):
                pass

        settings = self.settings(stage, **changed)
        world = World(device=self.device)
        model = self.model(settings)
        steps = self.steps(model.to(torch.bfloat16), settings, stage, clips=clips, micro=micro, count=count)
        model = model.float()
        self.free()
        bundle = build.Bundle(model, None, None)
        build.set_trainable(bundle, settings)
        wrapped = Wrapped(model, world, sharding=settings["sharding"], precision=settings["precision"])
        moments = torch.bfloat16 if settings["moments"] == "bf16" else torch.float32
        optimizer = AdamW(model.named_parameters(), beta1=0.9, beta2=0.999, weight_decay=0.0, moments=moments)
        lines = []
        batches = types.SimpleNamespace(
            steps=lambda start: iter(steps[start:]), total=count, order=types.SimpleNamespace(per_epoch=count)
        )
        arithmetic = cost.Cost(model.config, trained=settings["train"].split("+"))
        loop = Unsaved(
            wrapped=wrapped, optimizer=optimizer, batches=batches, world=world, settings=settings, stage=stage,
            folder=None, meta={}, write_model=None,
            hooks=types.SimpleNamespace(asked=lambda: 0, line=lines.append, log=print),
            step_flops=functools.partial(micro_flops, arithmetic, cached=settings["cache_tokens"]),
        )  # fmt: skip
        loop.run()
        kept = lines[2:]
        flops = statistics.median(line["flops_per_s"] for line in kept)
        peak = cost.peak_flops(self.results["device"])
        self.say(
            f"train {stage}{' compiled' if settings['compile'] else ''}",
            samples_per_s=statistics.median(line["samples_per_s"] for line in kept),
            tokens_per_s=statistics.median(line["tokens_per_s"] for line in kept),
            mfu=flops / peak if peak else float("nan"),
            peak_gb=self.peak(),
            rows_per_step=steps[0].rows,
            micro_rows=steps[0].rows * micro // clips,
            moments=settings["moments"],
            first_step_s=lines[0]["elapsed_s"],
            last_loss=lines[-1]["loss"],
        )

    # ---- against the published way

    def ratio(self, stage, *, clips, rounds):
        settings = self.settings(stage)
        model = self.model(settings, torch.bfloat16)
        rows, pixels = self.rows(model, stage, clips), self.clips(model, clips)
        model.set_trainable(("language_model", "projector") if stage == "sft" else ("language_model",))
        state = {"reference": model}
        if stage == "dpo":
            state["tokens"], state["logps"] = peers.our_reference(model, rows, pixels)
        published, ours = peers.WAYS[stage]
        times, peaks, losses = {published: [], ours: []}, {}, {}
        for way in (published, ours):
            if way is published:
                model.gradient_checkpointing_enable({"use_reentrant": False})
            else:
                model.gradient_checkpointing_disable()
            model.train()
            self.free()
            for _ in range(rounds + 1):
                model.zero_grad(set_to_none=True)
                seconds, loss = self.timed(way, model, rows, pixels, state)
                times[way].append(seconds)
            peaks[way], losses[way] = self.peak(), loss.item()
        slow, fast = (statistics.median(times[way][1:]) for way in (published, ours))
        once = 0.0
        if stage == "dpo":
            model.zero_grad(set_to_none=True)
            once = min(self.timed(peers.our_reference, model, rows, pixels)[0] for _ in range(2)) / 2
        self.say(
            f"ratio {stage}",
            ratio=slow / (fast + once),
            published_samples_per_s=len(rows) / slow,
            our_samples_per_s=len(rows) / (fast + once),
            published_peak_gb=peaks[published],
            our_peak_gb=peaks[ours],
            losses_differ=abs(losses[published] - losses[ours]),
            rows=len(rows),
        )

    # ---- answering

    @torch.no_grad()
    def letters(self, rounds=3):
        from modelzoo.physvlm.data.rows import Branch, Row, collate, merge
        from modelzoo.physvlm.losses import IGNORE

        model = self.model(self.settings("sft"), torch.bfloat16).eval()
        config = model.config
        pixels = self.clips(model, 1)
        top = config.text_config.vocab_size - 1

        def batch(prompts):
            """Rotations as the evaluation asks them: guided by the first one, behind one visual prefix."""
            prefix, guide = (*peers.numbers(2, 0), config.image_token_id), tuple(prompts[0][:60])
            branches = [Branch((*text, 5), (*[IGNORE] * len(text), 5)) for text in prompts]
            rows = [Row(0, prefix, (branch,), guide) for branch in branches]
            made = collate(
                [merge(rows)], visual_tokens=config.visual_token_count(), placeholder=config.image_token_id, pad_id=0
            )
            return made.to(self.device)

        def forward(prompts):
            made = batch(prompts)
            features = model.encode_frames(pixels)
            return model(**made.inputs, features=features).logits

        def generate(prompt):
            made = batch([prompt])
            ids = made.inputs["input_ids"][:, :-1]
            squeezed = torch.cat([ids[:, :3], ids[:, 3 + config.visual_token_count() - 1 :]], 1)
            return model.generate(
                squeezed, pixels=pixels, scorer_ids=made.inputs["scorer_ids"],
                max_new_tokens=200, min_new_tokens=200, do_sample=False, eos_token_id=top,
            )  # fmt: skip

        prompts = [peers.numbers(150, seed) for seed in range(4)]
        together, first = forward(prompts), forward(prompts[:1])
        for function, given in ((forward, prompts[:1]), (forward, prompts), (generate, prompts[0])):
            function(given)
        one = min(self.timed(forward, prompts[:1])[0] for _ in range(rounds))
        four = min(self.timed(forward, prompts)[0] for _ in range(rounds))
        slow = min(self.timed(generate, prompts[0])[0] for _ in range(2))
        self.say(
            "letters", one_s=one, four_rotations_s=four, generate_200_s=slow, generate_ratio=slow / one,
            rotations=four / one, first_differs=float((together[:1] - first).abs().max()),
        )  # fmt: skip
        self.free()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=PARTS)
    parser.add_argument("--shape", default="7b", choices=("7b", "unit"))
    parser.add_argument("--out", help="write the figures to this JSON file, after each")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", message=".*gradient_checkpointing_enable", category=FutureWarning)
    bench = Bench(arguments.shape)
    if arguments.shape == "7b" and not bench.cuda:
        print("There is no GPU here, so the 7B is not measured; --shape unit tries the code on a small model.")
        return
    from modelzoo.physvlm import build
    from modelzoo.physvlm.parallel import World

    build.hush()
    os.environ["MASTER_PORT"] = "29517"
    world = World(device=bench.device)
    world.start()
    jobs = {
        "train": [lambda: bench.train("sft", clips=8, micro=1), lambda: bench.train("dpo", clips=16, micro=4)],
        "ratio": [lambda: bench.ratio("sft", clips=1, rounds=4), lambda: bench.ratio("dpo", clips=2, rounds=4)],
        "compile": [lambda: bench.train("sft", clips=8, micro=1, compile=True)],
        "letters": [bench.letters],
    }
    failed = []
    for part in arguments.parts:
        for job in jobs[part]:
            try:
                bench.free()
                job()
            except torch.OutOfMemoryError as error:
                failed.append(part)
                print(f"{part}: too little memory: {str(error).splitlines()[0]}", flush=True)
            if arguments.out:
                with open(arguments.out, "w") as file:
                    json.dump(bench.results, file, indent=1)
    world.stop()
    found = bench.results
    missed = [f"{s}: ratio" for s in AIM if f"ratio {s}" in found and found[f"ratio {s}"]["ratio"] < AIM[s]]
    if found.get("train sft", {}).get("mfu", 1) < AIM_MFU:
        missed.append("sft: MFU")
    if (missed or failed) and arguments.shape == "7b":
        raise SystemExit(f"Missed: {', '.join(missed + failed)}.")


if __name__ == "__main__":
    main()
