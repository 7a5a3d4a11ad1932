"""Storing: nothing overwritten, nothing half, on any storage."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage

from product_imagery.exceptions import StorageError
from product_imagery.storage import store
from tests.fakes.storages import WrappedStorage


@pytest.fixture(params=["disk", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return FileSystemStorage(tmp_path / "stored") if request.param == "disk" else InMemoryStorage()


def _source(tmp_path: Path, content: bytes) -> tuple[Path, str]:
    path = tmp_path / "source"
    path.write_bytes(content)
    return path, hashlib.sha256(content).hexdigest()


def test_the_same_content_is_stored_once(storage: Storage, tmp_path: Path) -> None:
    path, sha256 = _source(tmp_path, b"picture")
    assert store.keep(storage, "a/b.jpg", path, sha256) == "a/b.jpg"
    assert store.keep(storage, "a/b.jpg", path, sha256) == "a/b.jpg"
    assert store.listed(storage, "a") == ["a/b.jpg"]


def test_other_content_of_the_same_name_is_never_overwritten(storage: Storage, tmp_path: Path) -> None:
    store.keep(storage, "a/b.jpg", *_source(tmp_path, b"first"))
    second = store.keep(storage, "a/b.jpg", *_source(tmp_path, b"second"))
    assert second != "a/b.jpg"
    assert storage.open("a/b.jpg").read() == b"first"
    assert storage.open(second).read() == b"second"


def test_a_storage_that_keeps_only_a_part_is_found_out(tmp_path: Path) -> None:
    class Leaky(InMemoryStorage):
        def size(self, name: str) -> int:
            return 3

    leaky = Leaky()
    with pytest.raises(StorageError, match="only a part"):
        store.keep(leaky, "x.jpg", *_source(tmp_path, b"a whole picture"))
    assert not leaky.exists("x.jpg")


def test_a_kill_while_storing_leaves_no_half_file(tmp_path: Path) -> None:
    """On disk the bytes are complete before the final name exists."""
    seen: list[bytes] = []

    def spy(save: Callable[[str, Any], str], name: str, content: Any) -> str:
        seen.append(Path(content.temporary_file_path()).read_bytes())
        return save(name, content)

    storage = WrappedStorage(tmp_path / "stored", wrapper=spy)
    store.keep(storage, "a.jpg", *_source(tmp_path, b"whole"))
    assert seen == [b"whole"]
    assert list((tmp_path / "stored" / ".product_imagery-tmp").iterdir()) == []


def test_reading_a_missing_file_is_an_error_of_ours(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        store.copy_out(storage, "nowhere.jpg", tmp_path / "x", 100)
    assert caught.value.code == "missing"


def test_reading_stops_just_above_the_limit(storage: Storage, tmp_path: Path) -> None:
    store.keep(storage, "big.jpg", *_source(tmp_path, bytes(5000)))
    store.copy_out(storage, "big.jpg", tmp_path / "x", 100)
    assert (tmp_path / "x").stat().st_size == 101
