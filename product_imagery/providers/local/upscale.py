"""Upscaling by 2 or 4, with a small network if the extra is installed, else with Lanczos."""

from __future__ import annotations

import functools
import importlib.util
import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from product_imagery.providers.local.arrays import Bytes

_TILE, _PAD = 240, 7
#: Coarseness of a JPEG (quality 85) from which the network that removes noise is better. Measured on details of
#: catalogue photos, halved: better by 1.8 dB at quality 60, by 0.7 at 82, and worse by 0.3 at 95.
_NOISY = 0.3
_CLEAN_WEIGHTS, _NOISY_WEIGHTS = "waifu2x.bin", "waifu2x-noise2.bin"


def upscale(
    picture: Image.Image, factor: int, models: Path, *, coarseness: float = 0.0
) -> tuple[Image.Image, dict[str, Any]]:
    """Enlarge an RGB or RGBA picture by 2 or 4; return it with a report.

    ``coarseness`` is that of the source file (``imaging.quantisation``). The report has ``method``, ``waifu2x`` or
    ``lanczos``, and for waifu2x ``noise``: 2 if it removed the noise of a strong compression, else 0.
    """
    if picture.mode == "RGBA":
        colour, report = upscale(picture.convert("RGB"), factor, models, coarseness=coarseness)
        colour.putalpha(picture.getchannel("A").resize(colour.size, Image.Resampling.LANCZOS))
        return colour, report
    if not _has_network(models):
        return _by_lanczos(picture, factor), {"method": "lanczos"}
    noisy = removes_noise(coarseness, models)
    picture = _by_network(picture, models / (_NOISY_WEIGHTS if noisy else _CLEAN_WEIGHTS))
    if factor == 4:
        picture = _by_network(picture, models / _CLEAN_WEIGHTS)  # the noise is gone by then
    return picture, {"method": "waifu2x", "noise": 2 if noisy else 0}


def removes_noise(coarseness: float, models: Path) -> bool:
    """Return whether a source of this coarseness gets the network that removes noise, which has to be there."""
    return coarseness >= _NOISY and (models / _NOISY_WEIGHTS).is_file()


def _by_lanczos(picture: Image.Image, factor: int) -> Image.Image:
    """Enlarge with Lanczos and an unsharp mask, clipped to the neighbourhood's range to avoid halos."""
    large = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.LANCZOS)
    sharp = large.filter(ImageFilter.UnsharpMask(radius=0.6 * factor, percent=60, threshold=2))
    window = 3 if factor == 2 else 5
    floor, ceiling = large.filter(ImageFilter.MinFilter(window)), large.filter(ImageFilter.MaxFilter(window))
    return ImageChops.darker(ImageChops.lighter(sharp, floor), ceiling)


def _has_network(models: Path) -> bool:
    files = (models / "waifu2x.param", models / _CLEAN_WEIGHTS)
    return importlib.util.find_spec("ncnn") is not None and all(path.is_file() for path in files)


@functools.lru_cache(maxsize=2)
def _network(weights: Path) -> Any:
    import ncnn  # noqa: PLC0415  the ``upscale`` extra

    network = ncnn.Net()
    network.opt.num_threads = os.cpu_count() or 1
    network.load_param(str(weights.with_name("waifu2x.param")))
    network.load_model(str(weights))
    return network


def _by_network(picture: Image.Image, weights: Path) -> Image.Image:
    pixels = np.asarray(picture)
    height, width = pixels.shape[:2]
    # Whole tiles, plus the border that the network's convolutions consume.
    padding = ((_PAD, _PAD + -height % _TILE), (_PAD, _PAD + -width % _TILE), (0, 0))
    padded = np.pad(pixels, padding, mode="edge")
    result = np.empty((2 * height, 2 * width, 3), np.uint8)
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            tile = padded[top : top + _TILE + 2 * _PAD, left : left + _TILE + 2 * _PAD]
            large = _run(tile, weights)
            rows, columns = min(2 * _TILE, 2 * (height - top)), min(2 * _TILE, 2 * (width - left))
            result[2 * top : 2 * top + rows, 2 * left : 2 * left + columns] = large[:rows, :columns]
    return Image.fromarray(result)


def _run(tile: Bytes, weights: Path) -> Bytes:
    import ncnn  # noqa: PLC0415  the ``upscale`` extra

    planes = np.ascontiguousarray(tile.transpose(2, 0, 1), np.float32) / np.float32(255)
    extractor = _network(weights).create_extractor()
    extractor.input("Input1", ncnn.Mat(planes).clone())
    _, found = extractor.extract("Eltwise4")
    large: Bytes = np.rint(np.clip(np.array(found).transpose(1, 2, 0), 0, 1) * 255).astype(np.uint8)
    return large
