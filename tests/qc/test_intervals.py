import pytest

from qc.intervals import wilson


# scipy.stats.binomtest(...).proportion_ci(method="wilson"), which is (p + z²/2n ± z·sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n)
@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [(0, 1, 0.0, 0.793450), (3, 4, 0.300642, 0.954413), (17, 50, 0.224369, 0.478462), (50, 50, 0.928652, 1.0)],
)
def test_it_is_wilsons_interval(right, total, low, high):
    assert wilson(right, total) == pytest.approx((low, high), abs=2e-6)


def test_nothing_has_no_interval():
    assert wilson(0, 0) is None
