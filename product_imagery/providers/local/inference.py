"""Inference with the matting model: from a picture to a coarse map of the product."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from product_imagery.exceptions import EngineError, ModelMissing
from product_imagery.providers.local.arrays import Box, Floats
from product_imagery.providers.local.model import ModelSpec
from product_imagery.texts import gettext

__all__ = ["ModelSpec", "check_file", "input_side", "saliency"]


class _Run(Protocol):
    def __call__(self, pixels: Floats, /) -> Floats: ...


@dataclass(frozen=True)
class _Network:
    run: _Run
    side: int


def saliency(image: Image.Image, spec: ModelSpec, box: Box) -> Floats:
    """Return the (side, side) map for a ``box`` of an RGB image, 0…1.

    Raises ``ModelMissing``, and ``EngineError`` (``wrong_model``) for a file that is not what ``spec`` says.
    """
    network = _network(spec)
    # BOX first by whole factors, then Lanczos: as good as Lanczos alone at a tenth of the time for 12 MP.
    small = image.resize((network.side, network.side), Image.Resampling.LANCZOS, box=box, reducing_gap=2.0)
    pixels = np.asarray(small, np.float32)
    pixels = pixels / max(float(pixels.max()), 1.0)
    normalised = (pixels - np.array(spec.mean, np.float32)) / np.array(spec.deviation, np.float32)
    found = network.run(np.ascontiguousarray(normalised.transpose(2, 0, 1)[None], np.float32))[0, 0]
    if found.min() < -0.5 or found.max() > 1.5:  # logits, as BiRefNet gives them
        found = 1 / (1 + np.exp(-np.clip(found, -30, 30)))
    low, high = float(found.min()), float(found.max())
    return np.asarray((found - low) / max(high - low, 1e-6), np.float32)


@functools.lru_cache(maxsize=2)
def _network(spec: ModelSpec) -> _Network:
    if not Path(spec.path).is_file():
        raise ModelMissing(gettext("The matting model is not on this machine. Run “manage.py imagery_model fetch”."))
    return _with_openvino(spec) or _with_onnxruntime(spec)


def input_side(path: str) -> int:
    """Return the side in pixels that an ONNX file takes, or 0 if it takes any.

    Raises ``EngineError`` (``wrong_model``) for a file that is no matting model, ``ImportError`` without ONNX Runtime.
    """
    import onnxruntime  # noqa: PLC0415  an extra
    from onnxruntime.capi import onnxruntime_pybind11_state as errors  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except (errors.Fail, errors.InvalidGraph, errors.InvalidProtobuf, errors.InvalidArgument) as error:
        raise _wrong_model(path, str(error)) from error
    return _side_of([one if isinstance(one, int) else 0 for one in session.get_inputs()[0].shape], path)


def _side_of(shape: list[int], path: str) -> int:
    """Return the side in an input's shape, in which 0 stands for any size. Raises ``EngineError``."""
    if len(shape) != 4 or shape[1] not in (0, 3) or shape[2] != shape[3]:
        found = "×".join(str(one or "?") for one in shape)
        raise _wrong_model(path, gettext("it takes %(found)s instead of 1×3×side×side") % {"found": found})
    return shape[2]


def _side_to_use(in_file: int, spec: ModelSpec) -> int:
    if in_file and in_file != spec.side and spec.fixed_side:
        reason = gettext("it takes pictures of %(found)s pixels, not %(expected)s: correct MODEL or MODEL_SIDE")
        raise _wrong_model(spec.path, reason % {"found": in_file, "expected": spec.side})
    return in_file or spec.side


def check_file(spec: ModelSpec) -> None:
    """Check that the file fits ``spec``. Raises as ``input_side`` does."""
    _side_to_use(input_side(spec.path), spec)


def _wrong_model(path: str, reason: str) -> EngineError:
    message = gettext("%(path)s is not the matting model that the settings describe: %(reason)s.")
    return EngineError(message % {"path": path, "reason": reason.rstrip(".")}, code="wrong_model")


def _with_onnxruntime(spec: ModelSpec) -> _Network:
    try:
        import onnxruntime  # noqa: PLC0415  an extra, not needed for hosted providers
    except ImportError as error:
        raise ModelMissing(
            gettext("The local engine is not installed. Run “pip install product-imagery[local]”.")
        ) from error
    options = onnxruntime.SessionOptions()
    options.enable_mem_pattern = False  # saves a third of the peak memory and costs no time
    options.intra_op_num_threads = os.cpu_count() or 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # several processes share the cores
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    session = onnxruntime.InferenceSession(spec.path, options, providers=["CPUExecutionProvider"])
    given, wanted = session.get_inputs()[0], [session.get_outputs()[0].name]
    side = _side_to_use(_side_of([one if isinstance(one, int) else 0 for one in given.shape], spec.path), spec)

    afterwards = onnxruntime.RunOptions()
    # Release 250 MB, which the full-size picture needs next.
    afterwards.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")

    def run(pixels: Floats) -> Floats:
        return np.asarray(session.run(wanted, {given.name: pixels}, afterwards)[0], np.float32)

    return _Network(run, side)


def _with_openvino(spec: ModelSpec) -> _Network | None:
    """Return a network on OpenVINO (the ``fast`` extra), or ``None`` without it.

    Uses bf16 if the processor supports it, else float32.
    """
    try:
        import openvino  # noqa: PLC0415  an extra
    except ImportError:
        return None
    core = openvino.Core()
    settings: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": _precision(core),
        "ENABLE_CPU_PINNING": False,  # threads that process the picture afterwards would inherit the pin
    }
    model = core.read_model(spec.path)
    shape = [one.get_length() if one.is_static else 0 for one in model.input(0).partial_shape]
    side = _side_to_use(_side_of(shape, spec.path), spec)
    compiled = core.compile_model(model, "CPU", settings)
    first = compiled.output(0)

    def run(pixels: Floats) -> Floats:
        return np.asarray(compiled([pixels])[first], np.float32)

    return _Network(run, side)


def _precision(core: Any) -> str:
    return "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"
