import pytest

from tests.sites import Sites


@pytest.fixture
def sites(settings):
    """The server that plays the sites, and settings that lead there without any waiting."""
    with Sites() as running:
        settings.FETCH_ROUTES = running.routes
        settings.FETCH_CA_FILE = running.authority
        settings.FETCH_HOSTS = ["reddit.com", "redd.it", "youtube.com", "clips.example"]
        settings.FETCH_SLEEP_S = 0
        settings.FETCH_BACKOFF_S = 0
        settings.JOB_HEARTBEAT_S = 600  # its thread does not see what a test has not committed
        yield running
