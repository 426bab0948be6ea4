import pytest
from statsmodels.stats.proportion import proportion_confint

from qc.intervals import wilson


# scipy.stats.binomtest(...).proportion_ci(method="wilson"), which is (p + z²/2n ± z·sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n)
@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [(0, 1, 0.0, 0.793450), (3, 4, 0.300642, 0.954413), (17, 50, 0.224369, 0.478462), (50, 50, 0.928652, 1.0)],
)
def test_it_is_wilsons_interval(right, total, low, high):
    assert wilson(right, total) == pytest.approx((low, high), abs=2e-6)


@pytest.mark.parametrize(("right", "asked"), [(0, 1), (1, 1), (3, 10), (10, 10), (0, 25), (219, 880), (2.5, 10.5)])
def test_as_statsmodels_has_it(right, asked):
    assert wilson(right, asked) == pytest.approx(proportion_confint(right, asked, method="wilson"), abs=1e-6)


def test_nothing_has_no_interval():
    assert wilson(0, 0) is None
