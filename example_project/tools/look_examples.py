"""Make the example pictures of looks that the start page shows, from a photo of the rendered catalogue.

``python -m example_project.tools.look_examples`` writes them to ``product_imagery/static/product_imagery/looks``. They
are made by the local engine, so they show what a shop will get. Run it again after a change of a scene.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

import product_imagery
from example_project import catalogue

#: file name → operation and the options that differ from the defaults
EXAMPLES: dict[str, tuple[str, dict[str, Any]]] = {
    "white": ("white_background", {}),
    "white-shadow": ("white_background", {"shadow": True}),
    "cut-out": ("remove_background", {"format": "webp"}),
    "portrait": ("expand", {"ratio": "4:5"}),
}
SIDE, MOST_BYTES = 240, 8 * 1024
TARGET = Path(product_imagery.__file__).parent / "static" / "product_imagery" / "looks"
_PHOTO = Path(catalogue.__file__).parent / "photos" / "teapot-clay.jpg"


def main() -> None:
    """Write all examples. Raises what the engine raises."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")
    import django  # noqa: PLC0415

    django.setup()
    from product_imagery.admin.pictures import SCENES  # noqa: PLC0415

    examples = EXAMPLES | {f"scene-{scene}": ("scene", {"scene": scene}) for scene in sorted(SCENES)}
    TARGET.mkdir(exist_ok=True)
    for name, (operation, options) in examples.items():
        save(_made(operation, options), TARGET / f"{name}.webp")
    save(_enlarged(), TARGET / "larger.webp")


def save(image: Image.Image, path: Path) -> None:
    """Save a small copy that takes at most ``MOST_BYTES``."""
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    for quality in range(80, 20, -6):
        image.save(path, "WEBP", quality=quality, method=6)
        if path.stat().st_size <= MOST_BYTES:
            return


def _made(operation: str, options: dict[str, Any]) -> Image.Image:
    """Carry out an operation on the photo."""
    from product_imagery.conf import get_settings  # noqa: PLC0415
    from product_imagery.providers.local.engine import enhance  # noqa: PLC0415
    from product_imagery.providers.local.provider import LocalEngine  # noqa: PLC0415

    settings = get_settings().provider_settings()
    offer = {str(one): offer for one, offer in LocalEngine.offers.items()}[operation]
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder, "photo.jpg")
        Image.open(_PHOTO).convert("RGB").resize((640, 640), Image.Resampling.LANCZOS).save(photo, quality=95)
        arguments = {"engine": settings["engine"], "limits": settings["limits"]}
        cleaned = offer.clean({"size": 2 * SIDE, **options} if "size" in offer.defaults() else options)
        made = enhance(source=str(photo), folder=folder, operation=operation, options=cleaned, **arguments)
        return Image.open(made[0]["file"]["path"]).copy()


def _enlarged() -> Image.Image:
    """Draw a part of the photo coarse on one side and fine on the other, as enlarging makes it."""
    photo = Image.open(_PHOTO).convert("RGB")
    width, height = photo.size
    part = photo.crop((width // 4, height // 4, width * 3 // 4, height * 3 // 4)).resize((SIDE, SIDE))
    coarse = part.resize((SIDE // 8, SIDE // 8)).resize((SIDE, SIDE), Image.Resampling.NEAREST)
    part.paste(coarse.crop((0, 0, SIDE // 2, SIDE)), (0, 0))
    return part


if __name__ == "__main__":
    main()
