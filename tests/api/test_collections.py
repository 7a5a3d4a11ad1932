"""Collections of results, and their download as an archive."""

from __future__ import annotations

import io
import subprocess
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient

from product_imagery.api.viewsets import collections
from product_imagery.exceptions import StorageError
from product_imagery.models import Collection, CollectionEntry, ResultImage
from tests.api.conftest import BASE, Caller

pytestmark = pytest.mark.django_db

Call = Callable[..., Caller]


@pytest.fixture
def made(caller: Call, make_product: Any, work: Callable[[], Any]) -> tuple[Caller, list[str]]:
    """A caller with three results: two of products with the same name, one with a difficult name."""
    one = caller()
    titles = ("Blue mug", "Blue mug", "../..\\CON: Größe\n😀" + "x" * 90)
    images = [{"product": f"shop.product:{make_product(title, sku=f's{n}').pk}"} for n, title in enumerate(titles)]
    one.post("enhancements", {"operation": "upscale", "images": images})
    work()
    return one, [entry["id"] for entry in one.get("generations").json()["generations"]][::-1]


def _collect(one: Caller, ids: list[str], name: str = "Summer") -> str:
    response = one.post("collections", {"name": name, "generations": ids})
    assert response.status_code == 201, response.content
    return str(response.json()["collection"]["id"])


def _download(one: Caller, identity: str) -> Any:
    return one.get(f"collections/{identity}/download")


def test_collection_lifecycle(made: tuple[Caller, list[str]]) -> None:
    one, ids = made
    identity = _collect(one, ids[:1])
    assert one.post(f"collections/{identity}/generations", {"generations": ids[:2]}).json()["collection"]["total"] == 2
    inside = one.get(f"collections/{identity}/generations").json()["generations"]
    assert [entry["id"] for entry in inside] == [ids[1], ids[0]]
    assert one.delete(f"collections/{identity}/generations/{ids[0]}").json()["collection"]["total"] == 1
    assert one.delete(f"collections/{identity}/generations/{ids[0]}").status_code == 404
    assert [entry["name"] for entry in one.get("collections").json()["collections"]] == ["Summer"]
    assert one.get(f"collections/{identity}").json()["collection"]["total"] == 1
    assert one.delete(f"collections/{identity}").status_code == 200
    assert one.get(f"collections/{identity}").status_code == 404
    assert (ResultImage.objects.count(), CollectionEntry.objects.count()) == (3, 0)


def test_collection_size_is_limited(made: tuple[Caller, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    one, ids = made
    monkeypatch.setattr(collections, "MAX_SIZE", 2)
    identity = _collect(one, ids[:2])
    again = one.post(f"collections/{identity}/generations", {"generations": ids[:2]})
    assert again.status_code == 200
    assert one.post(f"collections/{identity}/generations", {"generations": ids}).status_code == 400


def test_archive_is_streamed_under_asgi(made: tuple[Caller, list[str]]) -> None:
    one, ids = made
    path = BASE + f"collections/{_collect(one, ids)}/download"

    async def download() -> list[bytes]:
        response: Any = await AsyncClient().get(path, headers={"Authorization": f"Bearer {one.text}"})
        assert response.is_async
        return [piece async for piece in response.streaming_content]

    pieces = async_to_sync(download)()
    assert len(pieces) > 3
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as opened:
        assert opened.testzip() is None


def test_archive_is_complete_and_has_portable_names(made: tuple[Caller, list[str]], tmp_path: Path) -> None:
    one, ids = made
    response = _download(one, _collect(one, ids, "Summer: “new”"))
    content = b"".join(response.streaming_content)
    assert int(response["Content-Length"]) == len(content)
    assert response["Content-Disposition"] == 'attachment; filename="summer-new.zip"'
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        assert opened.testzip() is None
        names = opened.namelist()
        for name, result in zip(names, ResultImage.objects.order_by("pk"), strict=True):
            assert opened.read(name) == result.image.read()
    assert names[:2] == ["0001-blue-mug.jpg", "0002-blue-mug.jpg"]
    assert names[2].startswith("0003-con-größe-x")
    assert all(len(name.encode()) < 200 and "/" not in name for name in names)
    path = tmp_path / "all.zip"
    path.write_bytes(content)
    subprocess.run(["python3", "-m", "zipfile", "-t", str(path)], check=True, capture_output=True)


@pytest.mark.parametrize("harm", ["missing", "shorter", "longer"])
def test_incomplete_archive_does_not_open(harm: str, made: tuple[Caller, list[str]], settings: Any) -> None:
    one, ids = made
    path = Path(settings.MEDIA_ROOT, str(ResultImage.objects.get(uuid=ids[1]).image.name))
    if harm == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1] if harm == "shorter" else path.read_bytes() + b"x")
    response = _download(one, _collect(one, ids))
    arrived = _until_it_breaks(response.streaming_content)
    assert 0 < len(arrived) < int(response["Content-Length"])
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(arrived))


def _until_it_breaks(pieces: Iterable[bytes]) -> bytes:
    arrived = b""
    try:
        for piece in pieces:
            arrived += piece
    except StorageError:
        return arrived
    raise AssertionError("it did not break off")


def test_collections_of_another_owner_are_not_found(made: tuple[Caller, list[str]], caller: Call) -> None:
    one, ids = made
    identity = _collect(one, ids[:1])
    stranger = caller("stranger")
    own = stranger.post("collections", {"name": "Mine"}).json()["collection"]["id"]
    for path in ("", "/generations", "/download"):
        assert stranger.get(f"collections/{identity}{path}").status_code == 404
    assert stranger.post(f"collections/{identity}/generations", {"generations": ids}).status_code == 404
    assert stranger.delete(f"collections/{identity}").status_code == 404
    assert stranger.delete(f"collections/{identity}/generations/{ids[0]}").status_code == 404
    nested = stranger.post(f"collections/{own}/generations", {"generations": ids[:1]})
    assert (nested.status_code, nested.json()["error"]["code"]) == (400, "invalid_request")
    assert stranger.get("collections").json()["collections"][0]["id"] == own
    assert Collection.objects.get(uuid=identity).entries.count() == 1
    empty = stranger.get(f"collections/{own}/download")
    assert (empty.status_code, empty.json()["error"]["code"]) == (409, "empty")


def test_download_refuses_a_key_in_the_url(made: tuple[Caller, list[str]], client: Any) -> None:
    one, ids = made
    assert client.get(BASE + f"collections/{_collect(one, ids)}/download?token={one.text}").status_code == 401
