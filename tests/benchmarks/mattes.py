"""Quality of mattes beside the rembg library with the same model: python -m tests.benchmarks.mattes [FOLDER …]

Without a folder: the rendered catalogue, whose mattes are exact. A folder holds photos and ``masks/<stem>.png``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")


def main(folders: list[str]) -> None:
    from product_imagery.conf import get_settings
    from product_imagery.providers.local.cutout import cut_out
    from product_imagery.providers.local.inference import ModelSpec
    from product_imagery.providers.local.model import MATTING, fetch
    from tests.benchmarks import peers

    model = fetch(MATTING, get_settings().models())
    spec, beside = ModelSpec(str(model)), peers.peer(model)
    print(f"{'photos':44} {'ours: IoU':>10} {'alpha error':>12} {'rembg: IoU':>11} {'alpha error':>12}")
    for title, pairs in _sets(folders):
        ours, theirs = [], []
        for photo, truth in pairs:
            image = ImageOps.exif_transpose(Image.open(photo)).convert("RGB")
            exact = np.asarray(Image.open(truth).convert("L"), np.float32) / 255
            ours.append(_score(cut_out(image, spec).alpha, exact))
            if beside:
                theirs.append(_score(beside[2](image), exact))
        print(f"{f'{title} ({len(ours)})':44} {_mean(ours)} {_mean(theirs) if theirs else ' (not installed)'}")


def _sets(folders: list[str]) -> Iterator[tuple[str, list[tuple[Path, Path]]]]:
    if not folders:
        root = Path("example_project/catalogue")
        yield "rendered catalogue", _pairs(root / "photos", root / "mattes")
    for folder in folders:
        yield folder[-40:], _pairs(Path(folder), Path(folder, "masks"))


def _pairs(photos: Path, masks: Path) -> list[tuple[Path, Path]]:
    return [(photo, masks / f"{photo.stem}.png") for photo in sorted(photos.glob("*.jpg"))]


def _score(found: Image.Image, exact: np.ndarray) -> tuple[float, float]:
    alpha = np.asarray(found.convert("L"), np.float32) / 255
    inside, truth = alpha > 0.5, exact > 0.5
    return float((inside & truth).sum() / (inside | truth).sum()), float(np.abs(alpha - exact).mean())


def _mean(scores: list[tuple[float, float]]) -> str:
    overlap, error = np.mean(scores, axis=0)
    return f"{overlap:10.4f} {error * 255:9.2f}/255"


if __name__ == "__main__":
    main(sys.argv[1:])
