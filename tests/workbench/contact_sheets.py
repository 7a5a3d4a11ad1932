"""Contact sheets: each photo of a folder by all operations of the local engine, for a person to judge.

``python -m tests.workbench.contact_sheets FOLDER --out DIR`` writes ``DIR/<photo>.jpg``, with confidence and warnings
below each picture, and ``DIR/index.html``. ``--side`` shrinks the photos before the work, to be quick.
"""

from __future__ import annotations

import argparse
import html
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageOps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")
_OPERATIONS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("cut-out", "remove_background", {"format": "png"}),
    ("white", "white_background", {}),
    ("white with shadow", "white_background", {"shadow": True}),
    ("scene", "scene", {"scene": "marble"}),
    ("larger", "upscale", {}),
    ("expand", "expand", {"ratio": "4:5"}),
)
_CELL, _TEXT, _GROUND = 480, 40, (214, 218, 224)
_ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".avif"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--side", type=int, default=0, help="longest side of the photos; 0: as they are")
    options = parser.parse_args()
    import django

    django.setup()
    options.out.mkdir(parents=True, exist_ok=True)
    names = []
    for photo in sorted(path for path in options.folder.iterdir() if path.suffix.lower() in _ENDINGS):
        names.append(f"{photo.stem}.jpg")
        _sheet(photo, options.side).save(options.out / names[-1], quality=88)
        print(photo.name, flush=True)
    figures = (f'<p>{html.escape(name)}<br><img src="{html.escape(name)}" width="100%"></p>' for name in names)
    (options.out / "index.html").write_text("<!doctype html><meta charset=utf-8>" + "\n".join(figures))


def _sheet(photo: Path, side: int) -> Image.Image:
    with tempfile.TemporaryDirectory() as folder:
        source = _shrunk(photo, Path(folder), side) if side else photo
        cells = [(photo.name, ImageOps.exif_transpose(Image.open(photo)).convert("RGBA")), *_made(source, folder)]
        sheet = Image.new("RGB", (_CELL * len(cells), _CELL + _TEXT), "white")
        for index, (caption, picture) in enumerate(cells):
            shown = ImageOps.contain(picture, (_CELL - 8, _CELL - 8))
            cell = Image.new("RGB", (_CELL, _CELL), _GROUND)
            cell.paste(shown.convert("RGB"), ((_CELL - shown.width) // 2, (_CELL - shown.height) // 2), shown)
            sheet.paste(cell, (_CELL * index, 0))
            ImageDraw.Draw(sheet).multiline_text((_CELL * index + 6, _CELL + 4), caption, fill="black")
    return sheet


def _shrunk(photo: Path, folder: Path, side: int) -> Path:
    opened = ImageOps.exif_transpose(Image.open(photo))
    opened.thumbnail((side, side), Image.Resampling.LANCZOS)
    opened.convert("RGBA" if "A" in opened.getbands() else "RGB").save(folder / "source.png")
    return folder / "source.png"


def _made(source: Path, folder: str) -> Iterator[tuple[str, Image.Image]]:
    """Yield caption and picture for each operation; an operation that refuses the photo gives its sentence."""
    from product_imagery.conf import get_settings
    from product_imagery.exceptions import PictureError
    from product_imagery.provider_kit.registry import get_offer, get_provider
    from product_imagery.providers.local.engine import enhance

    settings = get_settings().provider_settings()
    for title, operation, chosen in _OPERATIONS:
        options = get_offer(get_provider("local"), operation).clean(chosen)
        try:
            (made,) = enhance(source=str(source), folder=folder, operation=operation, options=options, **settings)
        except PictureError as error:
            yield f"{title}: refused\n{error}", Image.new("RGBA", (9, 9))
            continue
        caption = f"{title}   {made['confidence']:.3f}\n{', '.join(made['warnings'])}"
        yield caption, Image.open(made["file"]["path"]).convert("RGBA")


if __name__ == "__main__":
    main()
