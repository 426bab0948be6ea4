"""How much cheaper is the prompt-guided projector than in the published order? `python -m tests.benchmarks.bench_projector`

Full size: 32 frames of 729 patches, 1152 -> 3584 numbers, windows of (2,3,3), 64 tokens of guiding text, float32, one
thread, random weights. Each way runs in processes of its own, in turns; processor time and the peak above the weights count.
Aim: at most half the processor time and a third of the memory, and the same result.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

AIM_TIME, AIM_MEMORY = 2, 3
FRAMES, KERNEL, TEXT, TEMPERATURE = 32, (2, 3, 3), 64, 0.01


def published_order(scorer, projector, features, ids):
    """Tokens (1, T', g', g', hidden), step by step as the published code computes them.

    All three thirds of the attention's joined projection, the second linear map on every patch, windows by unfold, and a
    contiguous copy wherever it makes one.
    """
    import torch
    import torch.nn.functional as F

    head = scorer.head
    text = F.normalize(scorer.embed_text(ids), dim=-1)
    hidden = scorer.ln(features)
    value = F.linear(hidden, head.joined_weight, head.joined_bias).chunk(3, dim=-1)[2].contiguous()
    inner = F.gelu(head.fc1(head.layernorm(value)), approximate="tanh")
    patches = F.normalize(value + head.fc2(inner), dim=-1).flatten(0, 1)
    scores = scorer.logit_scale.exp() * (patches @ text.T) + scorer.logit_bias
    weights = scores.flatten().softmax(0).reshape(1, FRAMES, 27, 27)
    tokens = projector.linear_2(projector.act(projector.linear_1(features)))
    grid = tokens.reshape(1, FRAMES, 27, 27, -1).permute(0, 4, 1, 2, 3).contiguous()

    def windows(tensor, first):
        for direction, size in enumerate(KERNEL, start=first):
            tensor = tensor.unfold(direction, size, size)
        return tensor.contiguous().flatten(-3)

    shares = (windows(weights, 1) / TEMPERATURE).softmax(-1)
    pooled = (windows(grid, 2) * shares[:, None]).sum(-1)
    return torch.movedim(pooled, 1, -1).contiguous()


def our_order(scorer, projector, features, ids):
    from modelzoo.physvlm import guided_tokens

    text = scorer.embed_text(ids)[None]
    return guided_tokens(scorer, projector, features[None], text, kernel=KERNEL, temperature=TEMPERATURE)[0]


WAYS = {"published": published_order, "ours": our_order}


def parts():
    """Scorer and projector of the full size with the same random weights in every process."""
    import torch

    from modelzoo.physvlm import PhysVLMConfig, Projector, PromptScorer

    torch.manual_seed(0)
    config = PhysVLMConfig.full()
    config.scorer_config._attn_implementation = "sdpa"
    with torch.device("meta"):
        scorer, projector = PromptScorer(config.scorer_config, config.vision_config), Projector(1152, 3584)
    for module in (scorer, projector):
        module.to_empty(device="cpu")
        for parameter in module.parameters():
            torch.nn.init.normal_(parameter, std=0.03)
    scorer.logit_scale.data.fill_(4.6)
    head = scorer.head
    head.joined_weight = torch.randn(3 * 1152, 1152) * 0.03
    head.joined_bias = torch.randn(3 * 1152) * 0.03
    head.value.weight.data, head.value.bias.data = head.joined_weight[2304:], head.joined_bias[2304:]
    return scorer, projector, torch.randn(FRAMES, 729, 1152), torch.randint(32000, (1, TEXT))


def memory(field):
    """A line of /proc/self/status in bytes."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field + ":"))
    return int(line.split()[1]) * 1024


def measure(way, result):
    """One process: run one way once, keep its tokens in a file and print time and peak."""
    import torch

    torch.set_num_threads(1)
    inputs = parts()
    with torch.no_grad():
        torch.randn(729, 729) @ torch.randn(729, 729)  # the kernels' own code and buffers are not the way's memory
        before = memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # sets the high-water mark back to what is resident now
        start = time.process_time()
        tokens = WAYS[way](*inputs)
        used = time.process_time() - start
        peak = memory("VmHWM") - before
    torch.save(tokens, result)
    print(json.dumps({"cpu_s": used, "peak": peak}))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each way runs (default 3)")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--result", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        return measure(options.way, options.result)

    import torch

    runs = {way: [] for way in WAYS}
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.rounds):
            for way in WAYS:
                command = [
                    sys.executable,
                    "-m",
                    "tests.benchmarks.bench_projector",
                    "--way",
                    way,
                    "--result",
                    f"{folder}/{way}",
                ]
                run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
                runs[way].append(json.loads(run.stdout.splitlines()[-1]))
        results = [torch.load(f"{folder}/{way}") for way in WAYS]
    time_of = {way: statistics.median(run["cpu_s"] for run in found) for way, found in runs.items()}
    peak_of = {way: statistics.median(run["peak"] for run in found) for way, found in runs.items()}
    for way in WAYS:
        spread = ", ".join(f"{run['cpu_s']:.2f}" for run in runs[way])
        print(
            f"{way:>10}: {time_of[way]:6.2f} processor seconds ({spread}), {peak_of[way] / 2**20:7.0f} MiB above the weights"
        )
    faster, smaller = time_of["published"] / time_of["ours"], peak_of["published"] / peak_of["ours"]
    apart = (results[0] - results[1]).abs().max().item()
    print(f"{faster:.2f} times less processor time (aim {AIM_TIME}), {smaller:.2f} times less memory (aim {AIM_MEMORY})")
    print(f"largest difference {apart:.1e} among values up to {results[0].abs().max():.2f}")
    if faster < AIM_TIME or smaller < AIM_MEMORY or apart > 5e-5:
        raise SystemExit("The aim was missed.")


if __name__ == "__main__":
    main()
