"""Probes of a machine: storages, room for temporary files, and the local engine."""

from __future__ import annotations

import posixpath
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.files.storage import Storage
from PIL import Image, ImageDraw

from product_imagery.conf import Settings, get_settings
from product_imagery.doctor.findings import Finding, problem
from product_imagery.exceptions import ImageryError, StorageError
from product_imagery.imaging.sandbox import ImagingPool, PoolLimits
from product_imagery.products import ProductImages, registered
from product_imagery.provider_kit.registry import get_offer, get_provider
from product_imagery.providers.local.catalogue import chosen
from product_imagery.providers.local.model import is_present
from product_imagery.rows import unopened
from product_imagery.storage import probe
from product_imagery.storage.errors import as_storage_errors
from product_imagery.storage.scratch import TEMPORARY
from product_imagery.storage.store import results_storage

_MEBIBYTE = 1024 * 1024
_ENGINE_SECONDS = 30.0  #: for the test picture, including the start of its process
_PREFIX = "imagery-doctor"  #: of the names of our test files


def storage_of_results() -> Iterator[Finding]:
    """Write a small file, read it back, delete it."""
    detail = _read_back(results_storage(), posixpath.join(get_settings().folder, f"{_PREFIX}-{_random()}.txt"))
    advice = "Pictures wait and are stored later; nothing is bought again. Make the storage writable and reachable."
    yield Finding("storage", not detail, detail and f"The storage of results: {detail} {advice}")


def storages_of_products() -> Iterator[Finding]:
    """Write, read and delete a small file where each registered model keeps published pictures."""
    found = False
    for description in registered():
        detail = _read_back_on_product(description)
        if detail:
            found = True
            advice = (
                "Results wait and are published later, nothing is bought again. Make that folder or bucket writable."
            )
            yield problem("target storages", f"{description.model._meta.label}: {detail} {advice}")
    if not found:
        yield Finding("target storages", True)


def _read_back_on_product(description: ProductImages) -> str:
    try:
        with as_storage_errors("upload_to fails."):  # the shop's own code
            name = _name_on_product(description)
    except StorageError as error:
        return f"{error.message} {error.detail}."
    return _read_back(description.target_storage, name) if name else ""


def _name_on_product(description: ProductImages) -> str:
    """Return a name in the folder of published pictures; empty if that takes a product and there is none."""
    field: Any = description.target_field
    row = unopened(description.holder._base_manager.order_by("pk")).first()
    if row is None and callable(field.upload_to):
        return ""
    name: str = field.generate_filename(row, f"{_PREFIX}-{_random()}.txt")
    return name


def _read_back(storage: Storage, name: str) -> str:
    """Return a sentence if a small file cannot be stored, read and deleted, or an empty string."""
    try:
        probe.read_back(storage, name)
    except StorageError as error:
        return f"{error.message} {error.detail}.".removesuffix(" .")
    return ""


def temporary_files() -> Iterator[Finding]:
    """Check that there is room for one picture in the making, and write a temporary file."""
    folder, needed = Path(tempfile.gettempdir()), get_settings().max_bytes
    detail = ""
    try:
        free = shutil.disk_usage(folder).free
        if free < needed:
            detail = (
                f"{free / _MEBIBYTE:.1f} MiB are free in {folder}, and a picture may need {needed / _MEBIBYTE:.0f}."
            )
        else:
            with tempfile.NamedTemporaryFile(prefix=TEMPORARY) as handle:
                handle.write(bytes(_MEBIBYTE))
                handle.flush()
    except OSError as error:
        detail = f"No file can be written in {folder}: {error}."
    advice = "Pictures wait; nothing is bought again. Free some room there, or set TMPDIR to another folder."
    yield Finding("temporary files", not detail, detail and f"{detail} {advice}")


def model() -> Iterator[Finding]:
    """Check that the file of the matting model is there."""
    settings = get_settings()
    matting, spec = chosen(settings.provider_settings()["engine"])
    if settings.model_path:
        here, advice = Path(spec.path).is_file(), f"There is no file {spec.path}: correct MODEL_PATH."
    else:
        here, advice = is_present(matting.file, settings.models()), "Run “manage.py imagery_model fetch”."
    yield Finding("model", here, "" if here else f"The matting model is missing. {advice}")


def engine() -> Iterator[Finding]:
    """Make one small picture in a process of its own, as the worker does."""
    try:
        make_test_picture(get_settings())
    except ImageryError as error:
        cause = error.detail.strip().rpartition("\n")[2]
        detail = f"The local engine cannot make a picture on this machine: {error.message} {cause}".strip()
        advice = (
            "Look at MEMORY_PER_PROCESS, the model and the installed packages. Its pictures wait; they cost nothing."
        )
        yield problem("engine", f"{detail} {advice}")
        return
    yield Finding("engine", True)


def make_test_picture(settings: Settings) -> None:
    """Make a packshot of a drawn bottle. Raises ``ImageryError``."""
    limits = PoolLimits(1, settings.memory_per_process, round(_ENGINE_SECONDS), _ENGINE_SECONDS)
    pool = ImagingPool(limits)
    options = get_offer(get_provider("local"), "white_background").clean({"size": 64, "format": "png"})
    try:
        with tempfile.TemporaryDirectory(prefix=TEMPORARY, ignore_cleanup_errors=True) as folder:
            source = Path(folder, "source.png")
            _draw(source)
            pool.run(
                "product_imagery.providers.local.engine:enhance",
                source=str(source),
                folder=folder,
                operation="white_background",
                options=options,
                **settings.provider_settings(),
            )
    except OSError as error:
        raise ImageryError("There is no room for the test picture.", detail=repr(error)) from error
    finally:
        pool.close()


def _draw(path: Path) -> None:
    picture = Image.new("RGB", (96, 96), "#c8c8cc")
    ImageDraw.Draw(picture).rectangle((34, 20, 62, 80), fill="#b03020")
    picture.save(path)


def engine_is_here() -> bool:
    """Return true if the model of the local engine is on this machine, as a worker needs it."""
    _, spec = chosen(get_settings().provider_settings()["engine"])
    return Path(spec.path).is_file()


def _random() -> str:
    return uuid.uuid4().hex[:12]
