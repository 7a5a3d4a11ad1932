"""Storages that fail, wait or watch while a file is stored or read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeAlias

from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.db.models import FileField
from django.test import override_settings

from product_imagery.flows.previews import small_copy

#: called with the storing itself, the name and the content of a file; returns the name that it got
Wrapper: TypeAlias = Callable[[Callable[[str, Any], str], str, Any], str]


class WrappedStorage(FileSystemStorage):
    """A folder of which each file is stored through ``wrapper``, by the method that Django has storages override."""

    def __init__(self, *arguments: Any, wrapper: Wrapper, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._wrapper = wrapper

    def _save(self, name: str, content: Any) -> str:
        save: Callable[[str, Any], str] = super()._save  # type: ignore[misc]
        return self._wrapper(save, name, content)


@contextmanager
def storing(wrapper: Wrapper) -> Iterator[None]:
    """Make a ``WrappedStorage`` the default storage of the site."""
    backend = {"BACKEND": f"{__name__}.WrappedStorage", "OPTIONS": {"wrapper": wrapper}}
    with override_settings(STORAGES={**settings.STORAGES, "default": backend}):
        yield


def raising(error: Exception) -> Wrapper:
    """Return a wrapper with which no file can be stored."""

    def fail(save: Callable[[str, Any], str], name: str, content: Any) -> str:
        raise error

    return fail


class HeldStorage(FileSystemStorage):
    """The folder of the site's files, from which nothing is read until ``goes_on``."""

    def __init__(self) -> None:
        super().__init__()
        self.reading, self.goes_on = threading.Semaphore(0), threading.Event()

    def _open(self, name: str, mode: str = "rb") -> Any:
        self.reading.release()
        assert self.goes_on.wait(60)
        return super()._open(name, mode)  # type: ignore[misc]


@contextmanager
def copies_being_made(name: str, number: int = 8) -> Iterator[Callable[[], None]]:
    """Make small copies of a file, as many as one web process makes at once, until the function yielded is called."""
    held = HeldStorage()
    with ThreadPoolExecutor(number) as threads:
        made = [threads.submit(small_copy, FileField(storage=held), name, 40 + at) for at in range(number)]
        for _ in made:
            assert held.reading.acquire(timeout=30)

        def go_on() -> None:
            held.goes_on.set()
            assert len({one.result() for one in made}) == number

        try:
            yield go_on
        finally:
            held.goes_on.set()
