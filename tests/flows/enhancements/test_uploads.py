"""An upload counts from the moment its request is accepted; one that was not accepted leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from product_imagery.exceptions import PictureError, StateError, StorageError
from product_imagery.flows.enhancements import uploads
from product_imagery.flows.enhancements.specs import spec_of_operation
from product_imagery.flows.enhancements.start import enhance
from product_imagery.models import EnhancementItem, ResultImage, Upload
from product_imagery.products import description_of
from product_imagery.states import ItemStatus
from product_imagery.storage import store
from tests.conftest import draw_product, encoded
from tests.fakes.storages import raising, storing

pytestmark = pytest.mark.django_db

Take = Callable[..., Upload]


@pytest.fixture
def owner() -> Any:
    return get_user_model().objects.create_user("caller")


@pytest.fixture
def take(owner: Any, tmp_path: Path) -> Take:
    def one(origin: str = "sha256:1", **fields: Any) -> Upload:
        path = tmp_path / "sent"
        path.write_bytes(fields.pop("content", encoded(draw_product())))
        return uploads.take(path, **{"origin": origin, "name": "Mug", "owner": owner, "is_test": False, **fields})

    return one


def _exists(upload: Upload) -> bool:
    return bool(upload.source.name) and store.results_storage().exists(str(upload.source.name))


def _enhance(upload: Upload, owner: Any) -> EnhancementItem:
    chosen = {description_of(Upload): [upload.pk]}
    return enhance(chosen, spec_of_operation("upscale", {}), channel="api", actor=owner).enhancement.items.get()


def test_a_picture_that_was_sent_is_stored_and_not_kept_yet(take: Take, owner: Any) -> None:
    upload = take()
    assert _exists(upload)
    assert str(upload.source.name).endswith(".jpg")
    assert uploads.known(owner, False, ["sha256:1"]) == {}


def test_a_file_that_is_no_picture_is_refused_without_a_trace(take: Take) -> None:
    with pytest.raises(PictureError) as caught:
        take(content=b"<html>")
    assert caught.value.code == "not_an_image"
    assert not Upload.objects.exists()


def test_a_row_stands_before_its_file_so_that_no_file_is_without_one(take: Take) -> None:
    with storing(raising(OSError(5, "Input/output error"))), pytest.raises(StorageError):
        take()
    assert Upload.objects.get().kept is False


def test_an_address_is_noted_and_nothing_is_saved(owner: Any) -> None:
    upload = uploads.referring("https://a.example/x.jpg", origin="url:1", name="M" * 300, owner=owner, is_test=True)
    assert (upload.source_url, len(upload.name), upload.is_test) == ("https://a.example/x.jpg", 200, True)
    assert not Upload.objects.exists()


def test_the_same_picture_that_was_kept_meanwhile_is_used_instead(take: Take, owner: Any) -> None:
    first, second = take(), take()
    assert uploads.keep([first]) == [first]
    assert uploads.keep([second]) == [first]
    assert uploads.keep([second], passed_over=[first.pk]) == [second]
    assert uploads.known(owner, False, ["sha256:1", "sha256:2"]) == {"sha256:1": second}
    assert uploads.known(owner, True, ["sha256:1"]) == {}


def test_only_uploads_that_were_not_kept_are_discarded(take: Take) -> None:
    kept, other = take("sha256:1"), take("sha256:2")
    uploads.keep([kept])
    assert uploads.discard([kept, other]) == 1
    assert list(Upload.objects.all()) == [kept]
    assert (_exists(kept), _exists(other)) == (True, False)


def test_an_upload_at_work_is_not_deleted(take: Take, owner: Any) -> None:
    (upload,) = uploads.keep([take()])
    idle = take("sha256:2")
    item = _enhance(upload, owner)
    assert uploads.at_work([upload, idle]) == {upload.pk}
    with pytest.raises(StateError, match="being worked on"):
        uploads.delete(upload)
    assert item.status == ItemStatus.QUEUED
    assert _exists(upload)


def test_a_deleted_upload_takes_its_files_and_leaves_its_results(
    take: Take, owner: Any, work: Callable[[], Any], django_capture_on_commit_callbacks: Any
) -> None:
    (upload,) = uploads.keep([take()])
    _enhance(upload, owner)
    work()
    EnhancementItem.objects.update(source_url="https://a.example/x.jpg")
    with django_capture_on_commit_callbacks(execute=True):
        uploads.delete(upload)
    assert not Upload.objects.exists()
    assert not _exists(upload)
    assert EnhancementItem.objects.get().source_url == ""
    result = ResultImage.objects.get()
    assert result.image.storage.exists(result.image.name)
