"""Photos to measure on, the peer, and the floor. The peer (``rembg``) is only needed to measure beside it."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from product_imagery.providers.local.inference import ModelSpec

_PHOTOS = Path("example_project/catalogue/photos")


def photo(megapixels: float, name: str = "mug-striped") -> bytes:
    """A catalogue photo enlarged to so many megapixels (4:3), with a sensor's noise, as JPEG at quality 92."""
    width = round((megapixels * 1e6 * 4 / 3) ** 0.5)
    with Image.open(_PHOTOS / f"{name}.jpg") as opened:
        large = (
            opened.convert("RGB")
            .crop((0, 110, 1100, 935))
            .resize((width, round(width * 3 / 4)), Image.Resampling.LANCZOS)
        )
    noise = np.random.default_rng(1).standard_normal((large.height, large.width, 1), np.float32) * 3
    noisy = np.clip(np.asarray(large, np.float32) + noise, 0, 255).astype(np.uint8)
    target = io.BytesIO()
    Image.fromarray(noisy).save(target, "JPEG", quality=92)
    return target.getvalue()


def floor_white(spec: ModelSpec) -> Callable[[bytes], bytes]:
    """The least that does the job: Pillow, numpy and ONNX Runtime, one look, no safety, no metadata."""
    import onnxruntime

    session = onnxruntime.InferenceSession(spec.path, providers=["CPUExecutionProvider"])
    given, wanted = session.get_inputs()[0].name, [session.get_outputs()[0].name]

    def run(content: bytes) -> bytes:
        image = Image.open(io.BytesIO(content)).convert("RGB")
        small = np.asarray(image.resize((320, 320), Image.Resampling.LANCZOS), np.float32)
        x = ((small / small.max() - spec.mean) / spec.deviation).astype(np.float32).transpose(2, 0, 1)[None]
        found = session.run(wanted, {given: x})[0][0, 0]
        mask = Image.fromarray((found * 255).astype(np.uint8)).resize(image.size, Image.Resampling.LANCZOS)
        ground = Image.new("RGB", image.size, "white")
        ground.paste(image, mask=mask)
        target = io.BytesIO()
        ground.save(target, "JPEG", quality=90)
        return target.getvalue()

    return run


def peer(model: Path) -> tuple[Callable[[bytes], bytes], Callable[[bytes], bytes], Callable[[Image.Image], Any]] | None:
    """(white JPEG, transparent PNG, mask only) by the rembg library with the same model file, if it is installed."""
    os.environ["U2NET_HOME"] = str(model.parent)
    try:
        import rembg
    except ImportError:
        return None
    session = rembg.new_session("u2netp", providers=["CPUExecutionProvider"])

    def white(content: bytes) -> bytes:
        image = rembg.remove(Image.open(io.BytesIO(content)), session=session, bgcolor=(255, 255, 255, 255))
        target = io.BytesIO()
        image.convert("RGB").save(target, "JPEG", quality=90)
        return target.getvalue()

    def cut(content: bytes) -> bytes:
        return bytes(rembg.remove(content, session=session))

    return white, cut, lambda image: rembg.remove(image, session=session, only_mask=True)


def timed(action: Callable[[], object]) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began
