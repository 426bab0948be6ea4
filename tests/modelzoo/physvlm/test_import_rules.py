"""What importing the training package may bring with it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def run(code):
    """What a fresh interpreter prints."""
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


def test_the_package_and_the_presets_load_nothing_heavy():
    code = """
import sys
import modelzoo.physvlm, modelzoo.physvlm.presets
print(sorted({"torch", "transformers", "numpy", "av", "django"} & set(sys.modules)))
"""
    assert run(code) == "[]"


def test_every_public_name_is_there_and_brings_no_django():
    code = """
import sys
import modelzoo.physvlm as package
missing = [name for name in package.HOME if getattr(package, name, None) is None]
print(missing, "django" in sys.modules, set(package.HOME) <= set(dir(package)))
"""
    assert run(code) == "[] False True"


def test_an_unknown_name_is_an_attribute_error():
    assert run("import modelzoo.physvlm as p; print(hasattr(p, 'nothing'))") == "False"
