import pytest
from django.core.cache import cache

from modelzoo.views import COUNTS_KEY
from tests.modelzoo.physvlm.serving import data, model, server  # noqa: F401 -- fixtures


@pytest.fixture(autouse=True)
def fresh_counts():
    """A busy machine may have counted slowly in the test before, and then its counts are kept for a minute."""
    cache.delete(COUNTS_KEY)
