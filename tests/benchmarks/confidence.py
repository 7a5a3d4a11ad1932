"""Warnings about cut-outs, beside exact mattes: python -m tests.benchmarks.confidence [--composites N] [FOLDER …]

Cuts out the rendered catalogue, N composites of each kind, and the photos of folders with ``masks/``. A cut-out is bad
if its intersection over union with the exact matte is below 0.9, or a part larger than 3 % of the product is lost or
added. Prints, kind by kind, how many are bad, how many have a warning about the cut-out, and how many have both; then
recall and precision. ``--data FILE`` keeps signs and verdicts, one JSON line each, and measures only what it lacks.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")
_WARNINGS = {"soft_matte", "unsure_what_the_product_is", "low_contrast", "perhaps_a_person"}
_PART, _GRID = 0.03, 320  #: share of the product from which a lost or added part is bad, and cells to find it on
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--composites", type=int, default=3, metavar="N", help="pictures of each kind")
    parser.add_argument("--data", type=Path, help="file of earlier measurements, which grows")
    options = parser.parse_args()
    lines = options.data.read_text().splitlines() if options.data and options.data.exists() else []
    rows = [json.loads(line) for line in lines]
    for row in _measured(options.composites, options.folders, {row["name"] for row in rows}):
        rows.append(row)
        if options.data:
            with options.data.open("a") as target:
                target.write(json.dumps(row) + "\n")
    for kind in dict.fromkeys(row["kind"] for row in rows):
        _print(kind, [row for row in rows if row["kind"] == kind])
    bad, warned, both = _print("all", rows)
    print(f"recall {both / max(1, bad):.2f}, precision {both / max(1, warned):.2f}")


def _measured(composites: int, folders: list[Path], known: set[str]) -> Iterator[Row]:
    """Yield a row for each picture that is not ``known``. What is refused gets no row: a refusal needs no warning."""
    from product_imagery.conf import get_settings
    from product_imagery.exceptions import PictureError
    from product_imagery.providers.local.catalogue import MATTING
    from product_imagery.providers.local.cutout import cut_out
    from product_imagery.providers.local.inference import ModelSpec
    from product_imagery.providers.local.model import fetch

    spec = ModelSpec(str(fetch(MATTING, get_settings().models())))
    for kind, name, sample in _samples(composites, folders, known):
        try:
            cut = cut_out(sample.photo, spec)
        except PictureError:
            continue
        bad = is_bad(cut.alpha, sample.truth)
        yield {"kind": kind, "name": name, "bad": bad, "warnings": cut.warnings, "signs": cut.signs}


def is_bad(alpha: Image.Image, truth: np.ndarray) -> bool:
    """Return whether the matte overlaps its exact one (0…1) by less than 0.9, or a whole part is lost or added."""
    from product_imagery.providers.local.islands import components, opened
    from tests.benchmarks.mattes import score

    if score(alpha, truth)[0] < 0.9:
        return True
    size = (_GRID, _GRID)
    exact = np.asarray(Image.fromarray(np.rint(truth * 255).astype(np.uint8)).resize(size, Image.Resampling.BOX)) > 127
    found = np.asarray(alpha.resize(size, Image.Resampling.BOX)) > 127
    wrong = [opened(one & ~other, 1) for one, other in ((exact, found), (found, exact))]
    largest = max(int(np.bincount(components(mask).ravel())[1:].max(initial=0)) for mask in wrong)
    return bool(largest > _PART * max(1, exact.sum()))


def _samples(composites: int, folders: list[Path], known: set[str]) -> Iterator[tuple[str, str, Any]]:
    from tests.benchmarks.composites import KINDS
    from tests.benchmarks.mattes import composed, labelled

    root = Path("example_project/catalogue")
    for photos, masks in [(root / "photos", root / "mattes"), *((folder, folder / "masks") for folder in folders)]:
        for sample in labelled(photos, masks):
            name = f"{photos.name}/{sample.name}"
            if name not in known:
                yield photos.name, name, sample
    for number in range(composites):
        for kind in KINDS:
            if f"{kind}/{number}" not in known:
                (sample,) = composed(kind, range(number, number + 1))
                yield kind, f"{kind}/{number}", sample


def _print(title: str, rows: list[Row]) -> tuple[int, int, int]:
    warned = [bool(_WARNINGS & set(row["warnings"])) for row in rows]
    both = sum(row["bad"] and seen for row, seen in zip(rows, warned, strict=True))
    counts = sum(row["bad"] for row in rows), sum(warned), both
    print(f"{title:20} {len(rows):4} cut-outs, {counts[0]:3} bad, {counts[1]:3} warned, {both:3} both")
    return counts


if __name__ == "__main__":
    main()
