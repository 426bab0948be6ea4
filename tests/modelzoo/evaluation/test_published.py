"""The published tables, held to the averages that were printed with them."""

import pytest

from annotator.taxonomy import PUBLIC_TOTAL
from modelzoo.evaluation import published

PRINTED = [54.3, 47.6, 55.2, 48.5, 45.9, 56.1, 40.3, 50.9, 32.2, 29.0, 47.7, 33.4, 34.3, 32.8, 29.5, 38.4, 56.7, 59.5]
PHYSVLM_DPO = [64.8, 66.3, 60.2, 59.6, 60.2, 39.1, 67.9, 35.6, 57.8, 62.2, 37.5, 78.2]


def test_right_answers_out_of_880_give_every_printed_average():
    shares = [100 * sum(row.right) / PUBLIC_TOTAL for row in published.PHYSGAME]
    # 524 / 880 is 59.545 and printed as 59.5, so half a digit is allowed and no more.
    assert shares == pytest.approx(PRINTED, abs=0.0501)


def test_the_counts_of_a_row_give_its_printed_categories():
    [row] = [row for row in published.PHYSGAME if row.model == "PhysVLM-DPO"]
    shares = [100 * right / count for right, count in zip(row.right, published.PHYSGAME_COUNTS, strict=True)]
    assert shares == pytest.approx(PHYSVLM_DPO, abs=0.0501)


def test_nobody_has_more_right_than_there_are_questions():
    for row in published.PHYSGAME:
        assert len(row.right) == 12 and all(
            right <= count for right, count in zip(row.right, published.PHYSGAME_COUNTS, strict=True)
        )


def test_what_the_paper_claims_can_be_read_off():
    total = {row.model: sum(row.right) for row in published.PHYSGAME}
    closed = [row for row in published.PHYSGAME if not row.is_open]
    assert max(closed, key=lambda row: sum(row.right)).model == "GPT-4o-0806"
    assert total["PhysVLM-DPO"] - total["GPT-4o-0806"] == 30  # 3.4 points of 880
    opened = [row for row in published.PHYSGAME if row.is_open and not row.model.startswith("PhysVLM")]
    assert max(opened, key=lambda row: sum(row.right)).model == "LLaVA-OneVision"


def test_video_mme_has_13_rows_whose_average_is_that_of_three_equal_parts():
    assert len(published.VIDEO_MME) == 13
    for row in published.VIDEO_MME:
        for subs in ("", "_subs"):
            parts = [row.percent[part + subs] for part in ("short", "medium", "long")]
            assert sum(parts) / 3 == pytest.approx(row.percent["overall" + subs], abs=0.35)


def test_vcg_has_14_rows_whose_average_is_that_of_its_five_scores():
    assert len(published.VCG) == 14
    for row in published.VCG:
        scores = [row.score[name] for name in published.VCG_COLUMNS[:5]]
        assert sum(scores) / 5 == pytest.approx(row.score["AVG"], abs=0.026)
