"""The catalogue of the example shop and the renderer that made its pictures."""

from __future__ import annotations

from pathlib import Path

from example_project import catalogue
from example_project.tools.catalogue_renderer.shots import SHOTS

_FOLDER = Path(catalogue.__file__).parent


def test_every_product_has_a_shot_a_photo_and_a_matte() -> None:
    names = [entry.name for entry in catalogue.CATALOGUE]
    assert [shot.name for shot in SHOTS] == names
    assert sorted(path.stem for path in (_FOLDER / "photos").iterdir()) == sorted(names)
    assert sorted(path.stem for path in (_FOLDER / "mattes").iterdir()) == sorted(names)
