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


def upscale(picture: Image.Image, factor: int, models: Path) -> tuple[Image.Image, str]:
    """Enlarge an RGB or RGBA picture by 2 or 4; return it with the method, ``waifu2x`` or ``lanczos``."""
    if picture.mode == "RGBA":
        colour, method = upscale(picture.convert("RGB"), factor, models)
        colour.putalpha(picture.getchannel("A").resize(colour.size, Image.Resampling.LANCZOS))
        return colour, method
    if _has_network(models):
        for _ in range(factor.bit_length() - 1):
            picture = _by_network(picture, str(models))
        return picture, "waifu2x"
    return _by_lanczos(picture, factor), "lanczos"


def _by_lanczos(picture: Image.Image, factor: int) -> Image.Image:
    """Enlarge with Lanczos and an unsharp mask, clipped to the neighbourhood's range to avoid halos."""
    large = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.LANCZOS)
    sharp = large.filter(ImageFilter.UnsharpMask(radius=0.6 * factor, percent=60, threshold=2))
    window = 3 if factor == 2 else 5
    floor, ceiling = large.filter(ImageFilter.MinFilter(window)), large.filter(ImageFilter.MaxFilter(window))
    return ImageChops.darker(ImageChops.lighter(sharp, floor), ceiling)


def _has_network(models: Path) -> bool:
    files = (models / "waifu2x.param", models / "waifu2x.bin")
    return importlib.util.find_spec("ncnn") is not None and all(path.is_file() for path in files)


@functools.lru_cache(maxsize=1)
def _network(models: str) -> Any:
    import ncnn  # noqa: PLC0415  the ``upscale`` extra

    network = ncnn.Net()
    network.opt.num_threads = os.cpu_count() or 1
    network.load_param(str(Path(models, "waifu2x.param")))
    network.load_model(str(Path(models, "waifu2x.bin")))
    return network


def _by_network(picture: Image.Image, models: str) -> Image.Image:
    pixels = np.asarray(picture)
    height, width = pixels.shape[:2]
    # Whole tiles, plus the border that the network's convolutions consume.
    padding = ((_PAD, _PAD + -height % _TILE), (_PAD, _PAD + -width % _TILE), (0, 0))
    padded = np.pad(pixels, padding, mode="edge")
    result = np.empty((2 * height, 2 * width, 3), np.uint8)
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            tile = padded[top : top + _TILE + 2 * _PAD, left : left + _TILE + 2 * _PAD]
            large = _run(tile, models)
            rows, columns = min(2 * _TILE, 2 * (height - top)), min(2 * _TILE, 2 * (width - left))
            result[2 * top : 2 * top + rows, 2 * left : 2 * left + columns] = large[:rows, :columns]
    return Image.fromarray(result)


def _run(tile: Bytes, models: str) -> Bytes:
    import ncnn  # noqa: PLC0415  the ``upscale`` extra

    planes = np.ascontiguousarray(tile.transpose(2, 0, 1), np.float32) / np.float32(255)
    extractor = _network(models).create_extractor()
    extractor.input("Input1", ncnn.Mat(planes).clone())
    _, found = extractor.extract("Eltwise4")
    large: Bytes = np.rint(np.clip(np.array(found).transpose(1, 2, 0), 0, 1) * 255).astype(np.uint8)
    return large
