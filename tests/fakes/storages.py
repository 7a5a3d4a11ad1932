"""Storages that fail, wait or watch while a file is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.test import override_settings

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
