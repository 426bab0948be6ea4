"""The Studio's settings with nothing around a view: what bench_queue compares with."""

from studio.settings import *  # noqa: F403

ROOT_URLCONF = "tests.benchmarks.bare_urls"
MIDDLEWARE = []
