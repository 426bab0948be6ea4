"""Results that others published: 18 models on PhysGame, 13 on Video-MME, 14 on VCG.

Source of all three tables: "PhysGame: Uncovering Physical Commonsense Violations in Gameplay Videos", arXiv 2412.01800,
tables 4, 5 and 6. PhysGame's are kept as counts of right answers: every printed percentage times the questions of its
category is a whole number, and the counts reproduce each printed average, which is right answers out of 880.
"""

from dataclasses import dataclass

from annotator.taxonomy import CATEGORIES

SOURCE = "arXiv 2412.01800"
SOURCE_URL = "https://arxiv.org/abs/2412.01800"


@dataclass(frozen=True)
class PhysGameRow:
    model: str
    size: str  # parameters of its language model, "" where nobody said
    date: str  # ISO, as the public leaderboard gives it
    is_open: bool
    right: tuple  # right answers in each category, in the order of the taxonomy


_PHYSGAME = """
Claude3.5-Sonnet||2024-07-30|0|36 47 89 50 52 23 14 29 29 39 16 54
Claude3.5-SonnetV2||2024-07-30|0|33 42 82 35 47 22 14 20 25 40 14 45
Gemini-1.5-pro||2024-06-15|0|36 56 86 48 52 23 12 31 32 42 17 51
Gemini-1.5-pro-flash||2024-06-15|0|34 42 91 41 45 20 15 20 29 32 15 43
GPT-4V||2024-06-15|0|29 48 85 32 43 20 13 25 24 34 12 39
GPT-4o-0806||2024-08-06|0|34 49 104 41 54 20 15 30 31 40 21 55
GPT-4o-mini-0718||2024-07-18|0|31 35 69 33 39 14 13 25 20 28 12 36
Qwen-VL-max||2024-06-15|0|36 43 90 30 41 23 17 30 29 36 21 52
LLaVA-Next-Video|7B|2024-05-10|1|31 27 48 32 20 10 10 14 16 31 11 33
Video-LLaVA|7B|2024-06-15|1|23 18 49 30 23 9 10 19 14 27 9 24
LLaVA-OneVision|7B|2024-08-08|1|36 40 81 37 40 20 20 24 25 33 18 46
InternVL2|7B|2024-07-18|1|21 25 68 33 27 14 15 21 12 22 6 30
VideoChat2|7B|2024-06-15|1|24 28 52 39 25 13 9 20 15 31 7 39
ST-LLM|7B|2024-06-15|1|23 21 47 35 25 17 7 17 15 30 12 40
Chat-UniVi|7B|2024-06-15|1|20 22 52 37 21 13 9 18 14 14 9 31
PPLLaVA|7B|2024-11-04|1|32 31 75 29 27 19 11 21 20 29 6 38
PhysVLM-SFT|7B|2024-11-15|1|39 50 106 48 56 21 16 17 29 38 16 63
PhysVLM-DPO|7B|2024-11-15|1|46 53 106 56 53 18 19 21 26 46 12 68
"""

# Accuracy in percent: short, medium, long, overall, each without and with subtitles.
VIDEO_MME_COLUMNS = ("short", "short_subs", "medium", "medium_subs", "long", "long_subs", "overall", "overall_subs")
_VIDEO_MME = """
InternVL-Chat-V1.5|20B|60.2 61.7 46.4 49.1 45.6 46.6 50.7 52.4
LLaVA-NeXT-Video|34B|61.7 65.1 50.1 52.2 44.3 47.2 52.0 54.9
VILA-1.5|34B|68.1 68.9 58.1 57.4 50.8 52.0 59.0 59.4
LLaVA-OneVision|72B|76.7 79.3 62.2 66.9 60.0 62.4 66.3 69.6
Qwen-VL-Chat|7B|46.9 47.3 38.7 40.4 37.8 37.9 41.1 41.9
Video-LLaVA|7B|45.3 46.1 38.0 40.7 36.2 38.1 39.9 41.6
ST-LLM|7B|45.7 48.4 36.8 41.4 31.3 36.9 37.9 42.3
VideoChat2-Mistral|7B|48.3 52.8 37.0 39.4 33.2 39.2 39.5 43.8
Chat-UniVi-V1.5|7B|45.7 51.2 40.3 44.6 35.8 41.8 40.6 45.9
LLaVA-NeXT-Video|7B|45.9 49.8 40.3 44.3 36.6 41.0 40.9 45.0
PPLLaVA|7B|58.7 62.8 45.6 50.4 42.2 47.4 48.8 53.6
PhysVLM-SFT|7B|64.1 68.0 55.0 61.7 46.4 50.3 55.2 60.0
PhysVLM-DPO|7B|66.1 70.0 54.3 59.6 47.1 53.8 55.8 61.1
"""

# Scores from 0 to 5 by a language model as judge: correctness, detail, context, temporal, consistency, and their mean.
VCG_COLUMNS = ("CI", "DO", "CU", "TU", "CO", "AVG")
_VCG = """
VideoChat|0|2.23 2.50 2.53 1.94 2.24 2.29
Video-ChatGPT|0|2.50 2.57 2.69 2.16 2.20 2.42
BT-Adapter|0|2.68 2.69 3.27 2.34 2.46 2.69
Chat-UniVi|0|2.89 2.91 3.46 2.89 2.81 2.99
VideoChat2|0|3.02 2.88 3.51 2.66 2.81 2.98
LLaMA-VID|0|2.96 3.00 3.53 2.46 2.51 2.89
ST-LLM|0|3.23 3.05 3.74 2.93 2.81 3.15
PLLaVA|0|3.21 2.86 3.62 2.33 2.93 2.99
LLaVA-Next-Video|0|3.39 3.29 3.92 2.60 3.12 3.26
PPLLaVA|0|3.32 3.20 3.88 3.00 3.20 3.32
PhysVLM-SFT|0|3.59 3.07 3.89 2.74 3.44 3.35
LLaVA-Next-Video|1|3.64 3.45 4.17 2.95 4.08 3.66
PPLLaVA|1|3.85 3.56 4.21 3.21 3.81 3.73
PhysVLM-DPO|1|3.89 3.69 4.26 3.11 4.19 3.83
"""


@dataclass(frozen=True)
class VideoMMERow:
    model: str
    size: str
    percent: dict  # by VIDEO_MME_COLUMNS


@dataclass(frozen=True)
class VCGRow:
    model: str
    by_preference: bool  # trained with DPO or PPO
    score: dict  # by VCG_COLUMNS


def _lines(table):
    return [line.split("|") for line in table.strip().splitlines()]


PHYSGAME = tuple(
    PhysGameRow(model, size, date, bool(int(is_open)), tuple(map(int, right.split())))
    for model, size, date, is_open, right in _lines(_PHYSGAME)
)
PHYSGAME_COUNTS = tuple(category.public_count for category in CATEGORIES.values())
VIDEO_MME = tuple(
    VideoMMERow(model, size, dict(zip(VIDEO_MME_COLUMNS, map(float, numbers.split()), strict=True)))
    for model, size, numbers in _lines(_VIDEO_MME)
)
VCG = tuple(
    VCGRow(model, bool(int(preference)), dict(zip(VCG_COLUMNS, map(float, numbers.split()), strict=True)))
    for model, preference, numbers in _lines(_VCG)
)
