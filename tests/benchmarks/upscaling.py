"""Truth of enlarged pictures: python -m tests.benchmarks.upscaling [--quality N] [FOLDER …]

Photos are halved and enlarged again; printed is the peak signal-to-noise ratio of their luma, in dB: by Lanczos alone,
by our Lanczos with its careful unsharp mask, and by the ``upscale`` extra where it is installed and fetched. With
``--quality`` the halves are JPEGs of that quality, and the extra is shown with and without knowing that.
"""

from __future__ import annotations

import argparse
import io
import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")


def main(folders: list[str], quality: int) -> None:
    from product_imagery.conf import get_settings
    from product_imagery.providers.local.upscale import upscale

    models = get_settings().models()
    for folder in folders or ["example_project/catalogue/photos"]:
        found: dict[str, list[float]] = {"Pillow, Lanczos": []}
        for path in sorted(Path(folder).glob("*.jpg")):
            whole = _photo(path)
            half = whole.resize((whole.width // 2, whole.height // 2), Image.Resampling.BOX)
            half, coarseness = _compressed(half, quality) if quality else (half, 0.0)
            found["Pillow, Lanczos"].append(_psnr(whole, half.resize(whole.size, Image.Resampling.LANCZOS)))
            for where, known in dict.fromkeys(((models, 0.0), (models, coarseness), (Path("/nonexistent"), 0.0))):
                enlarged, report = upscale(half, 2, where, coarseness=known)
                name = " ".join(str(value) for value in report.values())
                found.setdefault(f"ours, {name}", []).append(_psnr(whole, enlarged))
        for method, values in found.items():
            print(f"{folder[-40:]:40} {method:18} {np.mean(values):6.2f} dB ({len(values)})")


def _compressed(image: Image.Image, quality: int) -> tuple[Image.Image, float]:
    from product_imagery.imaging.quantisation import coarseness_of

    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    with Image.open(file) as opened:
        return opened.convert("RGB"), coarseness_of(opened.quantization)  # type: ignore[attr-defined]


def _photo(path: Path) -> Image.Image:
    """At most 1200 pixels, even sides."""
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    image.thumbnail((1200, 1200), Image.Resampling.LANCZOS)
    return image.crop((0, 0, image.width // 2 * 2, image.height // 2 * 2))


def _psnr(truth: Image.Image, found: Image.Image) -> float:
    difference = np.asarray(truth.convert("L"), np.float64) - np.asarray(found.convert("L"), np.float64)
    return float(10 * np.log10(255**2 / np.mean(difference**2)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="*")
    parser.add_argument("--quality", type=int, default=0)
    given = parser.parse_args()
    main(given.folders, given.quality)
