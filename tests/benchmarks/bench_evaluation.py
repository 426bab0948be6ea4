"""What does a multiple-choice question cost? `python -m tests.benchmarks evaluation [--shapes tiny small] [--rounds N]`

Letters by one forward pass against `generate(max_new_tokens=200)`, one question at a time as the published evaluation does,
and four rotations of a question against one. All ways go through the functions that evaluations use. One thread, in turns;
processor time counts, which other programs do not change. Two models:

    tiny     the Studio's own tiny model, as `make learn` makes it
    small    the 7B's parts and proportions in small: SigLIP tower, prompt scorer, pooling by the question, thirteen visual
             tokens for one of text as 2592 to 200, a language model that costs about twice what the tower does

Weights are random, so the models would never write a letter. Their heads are set so that behind a bracket they choose among
the four letters, as a trained one does, by what they see and read: what generate writes first is the letter to compare.

Aims: 200 generated tokens cost the tiny model at least 10 times what letters do (the 7B on a GPU: see bench_gpu; a processor
computes a lone token nearly as well as many, so `small` says little about that: BENCHMARKS.md has the sums), letters equal
wherever generate wrote one, and four rotations at most 1.6 times one, in `small`, where the pass counts and not the program
around it.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

AIM_GENERATE, AIM_ROTATIONS = 10.0, 1.6
FRAMES, NEW_TOKENS, SHORT = 16, 200, 3
SIDES = {"tiny": 96, "small": 48}
TEXTS = ("What is wrong in the clip?", "The {} crate rises although nothing lifts it.")
THINGS = ("red", "blue", "green", "heavy", "small", "round", "old", "open", "empty", "third", "left", "tall")


def questions(count):
    from modelzoo.physvlm.data.sources import Question

    found = []
    for number in range(count):
        chosen = [THINGS[(number + 3 * place) % len(THINGS)] for place in range(4)]
        options = tuple(TEXTS[1].format(thing) for thing in chosen)
        stem = " ".join([TEXTS[0], *["Look again."] * number, f"({number})"])  # real questions differ in length
        found.append(Question(f"clip{number}", f"q{number}", stem, options, number % 4, "d", "c"))
    return found


def evaluator(shape, asked, folder):
    """An `Evaluator` with a model of that shape and clips of noise in an array."""
    from modelzoo.physvlm import PhysVLMConfig, PhysVLMForConditionalGeneration, evaluate
    from modelzoo.physvlm.build import Bundle
    from modelzoo.physvlm.data.sources import Data, Media
    from modelzoo.physvlm.vocabulary import IMAGE, train_tokenizer

    tokenizer = train_tokenizer([f"{one.block}\n(A) (B) (C) (D)" for one in asked] * 2)
    torch.manual_seed(0)
    config = config_of(shape, PhysVLMConfig, len(tokenizer))
    config.image_token_id = tokenizer.convert_tokens_to_ids(IMAGE)
    config.pad_token_id, config.eos_token_id = tokenizer.pad_token_id, tokenizer.eos_token_id
    model = PhysVLMForConditionalGeneration(config).eval()
    letters = [tokenizer(letter, add_special_tokens=False).input_ids[0] for letter in "ABCD"]
    with torch.no_grad():
        width = config.text_config.hidden_size
        model.lm_head.weight = torch.nn.Parameter(torch.randn(len(tokenizer), width) * 0.02)  # no longer the embeddings
        model.lm_head.weight[letters] *= 200
    side = SIDES[shape]
    noise = np.random.default_rng(0).integers(0, 255, (len(asked), FRAMES, side, side, 3), dtype=np.uint8)
    np.save(folder / "arrays.npy", noise)
    clips = {one.clip_id: Media(str(folder / "arrays.npy"), number) for number, one in enumerate(asked)}
    bundle = Bundle(model, tokenizer, tokenizer)
    data = Data(clips=clips, questions=asked)
    found = evaluate.prepare(None, data, cache=folder / "cache", frames=FRAMES, bundle=bundle)
    tell_apart(found, asked, letters)
    return found


def tell_apart(found, asked, letters):
    """Let the letters go by what differs between the questions, not by what they have in common."""
    head, states = found.bundle.model.lm_head, []
    hook = head.register_forward_pre_hook(lambda module, inputs: states.append(inputs[0].detach()))
    by_letters(found, asked)
    hook.remove()
    common = torch.cat(states).mean(0)
    common = common / common.norm()
    with torch.no_grad():
        rows = head.weight[letters]
        head.weight[letters] = rows - (rows @ common)[:, None] * common


def config_of(shape, kind, vocabulary):
    if shape == "tiny":
        config = kind.tiny(
            vocab_size=vocabulary, tower="cells", vision_config={"image_size": SIDES[shape]},
            scorer_config={"max_position_embeddings": 256},
        )  # fmt: skip
        config.pool_text = "fixed"  # as the preset has it
        return config
    return kind.tiny(
        vocab_size=vocabulary,
        tower="siglip",
        frames=FRAMES,
        video_kernel=(1, 1, 2),
        pool_text="question",
        vision_config={
            "hidden_size": 96, "intermediate_size": 360, "num_hidden_layers": 6, "image_size": SIDES[shape], "patch_size": 4,
        },
        scorer_config={"hidden_size": 96, "intermediate_size": 192, "projection_size": 96, "max_position_embeddings": 196},
        text_config={
            "hidden_size": 128, "intermediate_size": 676, "num_hidden_layers": 4, "num_attention_heads": 4,
            "num_key_value_heads": 1, "head_dim": 32, "vocab_size": vocabulary,
        },
    )  # fmt: skip


def by_letters(found, asked):
    from modelzoo.physvlm import asking

    return ["ABCD"[int(np.argmax(line))] for line, _mass in asking.letters(found, asked)]


def by_rotations(found, asked):
    """The letters of all four rotations, as the circular protocol asks them."""
    from modelzoo.physvlm import asking

    turned = [asking.rotated(one, turn) for one in asked for turn in range(4)]
    guides = [one.block for one in asked for _turn in range(4)]
    with found.sharing():
        return ["ABCD"[int(np.argmax(line))] for line, _mass in asking.letters(found, turned, guides=guides)]


def by_words(found, asked, tokens=NEW_TOKENS):
    """What the model writes, one question at a time; it is not let stop before it has written so many tokens."""
    from modelzoo.physvlm import asking
    from modelzoo.physvlm.processor import PhysVLMProcessor

    bundle = found.bundle
    processor = PhysVLMProcessor(bundle.tokenizer, bundle.scorer_tokenizer, bundle.config)
    said = []
    for one in asked:
        clip = found.frames_of(found.place_of[one.clip_id]).transpose(0, 2, 3, 1)
        inputs = processor([clip], [asking.asked(one, "studio")])
        made = bundle.model.generate(
            **inputs, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False,
            eos_token_id=bundle.config.eos_token_id, pad_token_id=bundle.config.pad_token_id,
        )  # fmt: skip
        said.append(processor.decode(made)[0])
    return said


def arithmetic(config, text):
    """(operations of a question's letters, of 200 tokens more): products of matrices, as modelzoo/physvlm/cost.py counts."""
    from modelzoo.physvlm.cost import Cost

    cost = Cost(config, trained=())
    context = config.visual_token_count(FRAMES) + text
    letters = cost.clip() + cost.pooling() + cost.language_forward(context) + cost.head_forward(1)
    token = cost.layers * (2 * cost.layer_weights + 4 * cost.attention_width * context) + cost.head_forward(1)
    return letters, NEW_TOKENS * token


def timed(way, *arguments):
    begun = time.process_time()
    return way(*arguments), time.process_time() - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shapes", nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("--questions", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    asked = questions(options.questions)
    missed = []
    for shape in options.shapes:
        with tempfile.TemporaryDirectory() as folder:
            missed += measure(shape, evaluator(shape, asked, Path(folder)), asked, options.rounds)
    if missed:
        print(f"MISSED: {', '.join(missed)}")
    return int(bool(missed))


def measure(shape, found, asked, rounds):
    """What missed its aim."""
    visual = found.bundle.config.visual_token_count(FRAMES)
    texts = [found.tokens.letters(0, one, name="q")[0].text_tokens for one in asked]
    print(
        f"{shape}: {len(asked)} questions, {visual} visual tokens and {min(texts)} to {max(texts)} of text each; "
        f"median of {rounds} rounds"
    )
    by_letters(found, asked)  # the first pass of a model pays for what later ones find ready
    alone, turned = [], []
    for _round in range(rounds):
        letters, seconds = timed(by_letters, found, asked)
        alone.append(seconds)
        four, seconds = timed(by_rotations, found, asked)
        turned.append(seconds)
    said, generated = timed(by_words, found, asked)
    _said, short = timed(by_words, found, asked, SHORT)
    one, rotated = statistics.median(alone), statistics.median(turned)
    answered = [(letter, reply[0]) for letter, reply in zip(letters, said, strict=True) if reply[:1] in tuple("ABCD")]
    equal = sum(a == b for a, b in answered)
    ratio, cost, each = generated / one, rotated / one, 1000 / len(asked)
    print(f"  letters   {one * each:8.1f} ms a question")
    print(f"  generate  {generated * each:8.1f} ms a question, {NEW_TOKENS} tokens: {ratio:.1f} times as much")
    print(f"            {short * each:8.1f} ms where it stops after {SHORT} tokens: {short / one:.1f} times")
    needed, more = arithmetic(found.bundle.config, statistics.fmean(texts))
    print(
        f"            by arithmetic alone {1 + more / needed:.2f} times: letters take {needed / 1e9:.2f} GFLOP "
        f"({needed / 1e9 / one * len(asked):.0f} a second), {NEW_TOKENS} tokens {more / 1e9:.2f} more"
    )
    print(f"  rotations {rotated * each:8.1f} ms a question for all four: {cost:.2f} times one")
    print(f"  letters equal in {equal} of the {len(answered)} questions that generate answered; chosen: {''.join(letters)}")
    aims = {
        f"generate only {ratio:.1f} times letters (aim {AIM_GENERATE:g})": shape != "tiny" or ratio >= AIM_GENERATE,
        f"rotations {cost:.2f} times one (aim {AIM_ROTATIONS:g})": shape != "small" or cost <= AIM_ROTATIONS,
        f"letters differ in {shape}": equal == len(answered) and bool(answered),
        f"the first rotation differs in {shape}": four[::4] == letters,
    }
    return [what for what, met in aims.items() if not met]


if __name__ == "__main__":
    raise SystemExit(main())
