"""Render the catalogue: ``python -m example_project.tools.catalogue_renderer [name …]``."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image

from example_project import catalogue
from example_project.tools.catalogue_renderer.camera import render
from example_project.tools.catalogue_renderer.shots import SHOTS

_FOLDER = Path(catalogue.__file__).parent
_MOST = 150_000


def main(names: list[str]) -> None:
    for photo in SHOTS:
        if names and photo.name not in names:
            continue
        picture, matte = render(photo)
        matte.save(_FOLDER / "mattes" / f"{photo.name}.png", optimize=True)
        data = _encoded(picture, photo.orientation)
        (_FOLDER / "photos" / f"{photo.name}.jpg").write_bytes(data)
        sys.stdout.write(f"{photo.name}: {len(data) // 1000} kB\n")
        sys.stdout.flush()


def _encoded(picture: Image.Image, orientation: int) -> bytes:
    """Return a JPEG of at most 150 kB. With orientation 6 it is stored on its side, as phones do."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    if orientation == 6:
        picture = picture.transpose(Image.Transpose.ROTATE_90)
    for quality in range(92, 40, -3):
        target = io.BytesIO()
        picture.save(target, "JPEG", quality=quality, exif=exif)
        if target.tell() <= _MOST:
            break
    return target.getvalue()


if __name__ == "__main__":
    main(sys.argv[1:])
