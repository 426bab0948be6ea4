"""Learning rates against the stored ones of the original schedules."""

import json
from pathlib import Path

import pytest

from modelzoo.physvlm.schedule import lr_at, warmup_steps

CASES = json.loads((Path(__file__).parents[2] / "data" / "reference" / "lr_schedule.json").read_text())
SHARES = {"sft": 0.03, "dpo": 0.1}


@pytest.mark.parametrize("name", CASES)
def test_rates_are_those_of_the_original(name):
    case = CASES[name]
    assert warmup_steps(case["total_steps"], SHARES[name[:3]]) == case["warmup_steps"]
    for step, expected in case["lr_used_at_step"].items():
        rate = lr_at(
            int(step),
            peak=case["peak_lr"],
            total_steps=case["total_steps"],
            warmup=case["warmup_steps"],
            kind=case["kind"],
        )
        assert rate == pytest.approx(expected, rel=1e-9, abs=1e-18)


def test_warm_up_counts_steps_or_is_a_share():
    assert warmup_steps(1000, 40) == 40
    assert warmup_steps(37, 0.03) == 2
    assert warmup_steps(10, 0) == 0
    assert lr_at(0, peak=1.0, total_steps=10, warmup=0, kind="constant") == 1.0


def test_an_unknown_schedule_is_refused():
    with pytest.raises(ValueError, match="no schedule 'step'"):
        lr_at(5, peak=1.0, total_steps=10, warmup=0, kind="step")
