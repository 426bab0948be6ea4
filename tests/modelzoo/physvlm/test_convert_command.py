"""`manage.py convert_physvlm`: what it prints, and how bad input ends."""

import io

import pytest
from django.core.management import CommandError, call_command

from tests.modelzoo.physvlm.test_convert import base, siglip  # noqa: F401 - fixtures


def test_it_converts_and_says_what_it_did(base, siglip, tmp_path):  # noqa: F811
    out = io.StringIO()
    call_command(
        "convert_physvlm", base[0], siglip[0], tmp_path / "out", "--video-kernel", "1", "3", "3", "--frames", "2", stdout=out
    )
    text = out.getvalue()
    assert "llava_onevision" in text and "siglip" in text and "tensors written" in text
    assert f"Wrote {tmp_path / 'out'}; conversion.json in it" in text


@pytest.mark.parametrize(
    ("sources", "options", "message"),
    [
        ([], [], "at least one folder to convert"),
        (["nowhere"], [], "nowhere holds no .safetensors file"),
        (["base", "siglip"], ["--pool-text", "answer"], "pool_text is 'answer'"),
        (["siglip"], ["--video-kernel", "1", "3", "3"], "No source has what the model needs"),
    ],
)
def test_bad_input_ends_in_one_sentence(base, siglip, tmp_path, sources, options, message):  # noqa: F811
    folders = {"base": base[0], "siglip": siglip[0], "nowhere": tmp_path / "nowhere"}
    with pytest.raises(CommandError, match=message):
        call_command("convert_physvlm", *(folders[name] for name in sources), tmp_path / "out", *options)
    assert not (tmp_path / "out").exists()
