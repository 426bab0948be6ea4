"""Which part of the Studio may import which, and what never enters the web process."""

import subprocess
import sys

from django.conf import settings

from tests.conftest import environment_of_a_process

HEAVY = ("torch", "av", "numpy", "scipy", "sklearn", "transformers")


def run_python(code):
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=settings.BASE_DIR,
        env=environment_of_a_process(),
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_imports_go_one_way():
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout


def test_the_web_process_imports_nothing_heavy():
    """Not when it starts, not when it resolves an address, not when it knows every kind of job."""
    code = f"""
import sys
import studio.wsgi
from django.urls import get_resolver

def walk(patterns):
    for pattern in patterns:
        walk(pattern.url_patterns) if hasattr(pattern, "url_patterns") else pattern.callback

walk(get_resolver().url_patterns)
from studio import jobs
assert jobs.kinds(), "no kind of job is known"
from django.test import Client
assert Client().get("/healthz", HTTP_HOST="localhost").status_code in (200, 503)
assert Client().get("/login/", HTTP_HOST="localhost").status_code == 200
print(sorted(set({HEAVY!r}) & set(sys.modules)))
"""
    run = run_python(code)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "[]"


def test_the_glitch_world_knows_no_django():
    package = settings.BASE_DIR / "annotator" / "glitchworld"
    modules = sorted(f"annotator.glitchworld.{path.stem}" for path in package.glob("*.py") if path.name != "__init__.py")
    code = f"import sys, importlib; [importlib.import_module(name) for name in {modules!r}]; print('django' in sys.modules)"
    run = run_python(code)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "False"


def test_the_training_package_knows_no_django():
    package = settings.BASE_DIR / "modelzoo" / "physvlm"
    modules = sorted(
        ".".join(path.relative_to(settings.BASE_DIR).with_suffix("").parts)
        for path in package.rglob("*.py")
        if path.name != "__init__.py"
    )
    code = f"import sys, importlib; [importlib.import_module(name) for name in {modules!r}]; print('django' in sys.modules)"
    run = run_python(code)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "False"
