"""The probe that finds out whether a storage takes files."""

from __future__ import annotations

import errno
import posixpath
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage

from product_imagery.exceptions import StorageError
from product_imagery.storage import probe


def test_processes_that_try_a_storage_at_the_same_moment_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Another process deletes the test file between its creation and the setting of its permissions."""

    class Raced(FileSystemStorage):
        def _save(self, name: str, content: Any) -> str:
            if posixpath.basename(name) == "test.txt":
                raise FileNotFoundError(name)
            return super()._save(name, content)  # type: ignore[misc,no-any-return]

    probe.try_out(Raced(location=tmp_path), "test.txt")
    assert not list(tmp_path.iterdir())


def test_a_storage_that_takes_no_file_under_any_name_is_told(tmp_path: Path) -> None:
    class Full(FileSystemStorage):
        def _save(self, name: str, content: Any) -> str:
            raise OSError(errno.ENOSPC, "full")

    with pytest.raises(StorageError, match="takes no files"):
        probe.try_out(Full(location=tmp_path), "test.txt")


def test_a_file_is_read_back_and_deleted(tmp_path: Path) -> None:
    probe.read_back(FileSystemStorage(location=tmp_path), "test.txt")
    assert not list(tmp_path.iterdir())


def test_a_storage_that_returns_other_bytes_is_told(tmp_path: Path) -> None:
    class Forgetful(FileSystemStorage):
        def _open(self, name: str, mode: str = "rb") -> Any:
            return ContentFile(b"something else")

    with pytest.raises(StorageError, match="other bytes"):
        probe.read_back(Forgetful(location=tmp_path), "test.txt")
    assert not list(tmp_path.iterdir())
