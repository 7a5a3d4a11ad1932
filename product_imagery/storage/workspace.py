"""Room for the unfinished files of a worker: copies of sources, and results in the making."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from django.utils.translation import gettext

from product_imagery.storage.errors import as_storage_errors
from product_imagery.storage.scratch import TEMPORARY, is_ordinary, scratch_of
from product_imagery.storage.store import results_storage


class Workspace:
    """Folders for the unfinished files of one worker.

    Results are made on the volume of their storage, if that is a disk: a finished one only gets its name there.
    """

    def __init__(self) -> None:
        name = f"{TEMPORARY}{uuid.uuid4().hex}"
        self._here = self._beside = Path(tempfile.gettempdir(), name)
        self._numbers = itertools.count()
        storage = results_storage()
        if is_ordinary(storage):
            self._beside = scratch_of(storage) / name

    @contextmanager
    def place(self) -> Iterator[Place]:
        """Yield names for the files of one call, which are removed after it.

        What a broken imaging process left is removed by ``close``.
        """
        place = Place(self._here, self._beside, next(self._numbers))
        try:
            yield place
        finally:
            for path in place.taken:
                with suppress(OSError):
                    path.unlink()

    def touch(self) -> None:
        """Mark the folders as in use: what has not been touched for long is removed."""
        for folder in (self._here, self._beside):
            with suppress(OSError):
                os.utime(folder)

    def close(self) -> None:
        """Remove everything."""
        for folder in (self._here, self._beside):
            shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Place:
    """Names for the files of one call; ``taken`` are those that are removed after it."""

    here: Path
    beside: Path
    number: int
    taken: list[Path] = field(default_factory=list)

    def source(self, name: object) -> Path:
        """A path for a copy of a source. Raises ``StorageError``."""
        return self._take(self.here, f"source-{name}")

    def result(self, name: object) -> Path:
        """A path for a result in the making. Raises ``StorageError``."""
        return self._take(self.beside, f"result-{name}")

    def _take(self, folder: Path, name: str) -> Path:
        with as_storage_errors(gettext("There is no room for files in the making.")):
            if not folder.is_dir():  # the first file, or somebody has cleared up
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.taken.append(folder / f"{self.number}-{name}")
        return self.taken[-1]
