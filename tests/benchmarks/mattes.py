"""Quality of mattes beside the rembg library with the same model: python -m tests.benchmarks.mattes [FOLDER …]

Without a folder: the rendered catalogue, whose mattes are exact. A folder holds photos and ``masks/<stem>.png``.
``--composites N`` adds N pictures of each kind of ``tests.benchmarks.composites``, ``--keep DIR`` writes what was found
beside them. Three figures a set: intersection over union, mean error of alpha (of 255), pictures with less than 0.9.
Without rembg, only our figures are printed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")
_BAD = 0.9  #: intersection over union below which a matte is counted as bad


@dataclass(frozen=True)
class Sample:
    """A picture with its exact matte (0…1)."""

    name: str
    photo: Image.Image
    truth: np.ndarray


def main(arguments: list[str]) -> None:
    from product_imagery.conf import get_settings
    from product_imagery.providers.local.catalogue import MATTING
    from product_imagery.providers.local.cutout import cut_out
    from product_imagery.providers.local.inference import ModelSpec
    from product_imagery.providers.local.model import fetch
    from tests.benchmarks import peers

    options = _options(arguments)
    model = fetch(MATTING, get_settings().models())
    spec, beside = ModelSpec(str(model)), peers.peer(model)
    if not beside:
        print("rembg is not installed (pip install “rembg[cpu]”): ours alone")
    print(f"{'pictures':36} {'ours: IoU':>10} {'alpha':>6} {'bad':>4} {'rembg: IoU':>11} {'alpha':>6} {'bad':>4}")
    everything: list[list[tuple[float, float]]] = [[], []]
    for title, samples in _sets(options.folders, options.composites, options.kind):
        found: list[list[tuple[float, float]]] = [[], []]
        for sample in samples:
            alphas = [cut_out(sample.photo.copy(), spec).alpha]
            alphas += [beside[2](sample.photo).convert("L")] if beside else []
            for arm, alpha in enumerate(alphas):
                found[arm].append(score(alpha, sample.truth))
            if options.keep:
                _keep(options.keep, sample, alphas)
        _print(title, found)
        for arm in (0, 1):
            everything[arm] += found[arm]
    _print("all", everything)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--composites", type=int, default=0, metavar="N", help="pictures of each kind")
    parser.add_argument("--kind", action="append", help="only this kind of composites; may be given several times")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="write photo, exact matte and found mattes")
    return parser.parse_args(arguments)


def _sets(folders: list[Path], composites: int, kinds: list[str] | None) -> Iterator[tuple[str, Iterator[Sample]]]:
    from tests.benchmarks.composites import KINDS

    if not folders and not composites:
        root = Path("example_project/catalogue")
        yield "rendered catalogue", labelled(root / "photos", root / "mattes")
    for folder in folders:
        yield str(folder)[-32:], labelled(folder, folder / "masks")
    for kind in (kinds or KINDS) if composites else ():
        yield f"composites, {kind}", composed(kind, range(composites))


def labelled(photos: Path, masks: Path) -> Iterator[Sample]:
    """Yield the photos of a folder that have a matte."""
    for photo in sorted(photos.iterdir()):
        truth = masks / f"{photo.stem}.png"
        if photo.is_file() and truth.is_file():
            image = ImageOps.exif_transpose(Image.open(photo)).convert("RGB")
            yield Sample(photo.stem, image, np.asarray(Image.open(truth).convert("L"), np.float32) / 255)


def composed(kind: str, numbers: range) -> Iterator[Sample]:
    """Yield composites of one kind."""
    from tests.benchmarks.composites import render

    for number in numbers:
        photo, matte = render(kind, number)
        yield Sample(f"{kind.replace(' ', '-')}-{number}", photo, np.asarray(matte, np.float32) / 255)


def score(found: Image.Image, exact: np.ndarray) -> tuple[float, float]:
    """Return intersection over union at alpha 0.5, and the mean absolute error of alpha (0…1)."""
    alpha = np.asarray(found, np.float32) / 255
    inside, truth = alpha > 0.5, exact > 0.5
    return float((inside & truth).sum() / max(1, (inside | truth).sum())), float(np.abs(alpha - exact).mean())


def _keep(folder: Path, sample: Sample, alphas: list[Image.Image]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for ending, picture in zip(
        ("photo", "exact", "ours", "rembg"),
        (sample.photo, Image.fromarray(np.rint(sample.truth * 255).astype(np.uint8)), *alphas),
        strict=False,
    ):
        picture.save(folder / f"{sample.name}-{ending}.png")


def _print(title: str, found: list[list[tuple[float, float]]]) -> None:
    columns = [
        f"{np.mean(arm, axis=0)[0]:10.4f} {np.mean(arm, axis=0)[1] * 255:6.2f} {_bad(arm):4}" for arm in found if arm
    ]
    print(f"{f'{title} ({len(found[0])})':36} {'  '.join(columns)}", flush=True)


def _bad(arm: list[tuple[float, float]]) -> int:
    return sum(overlap < _BAD for overlap, _ in arm)


if __name__ == "__main__":
    main(sys.argv[1:])
