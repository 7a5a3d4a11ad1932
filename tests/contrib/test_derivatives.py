"""Files that a library derives from a picture exist after publication, and after restoration even if they were lost."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core import checks
from django.core.files.base import ContentFile
from django.db import models

from product_imagery.contrib.pictures import PictureMixin
from product_imagery.contrib.stdimage import StdImageMixin
from product_imagery.flows.enhancements.specs import spec_of_operation
from product_imagery.flows.enhancements.start import enhance
from product_imagery.flows.results import publish
from product_imagery.models import ImageVersion
from product_imagery.products import ProductImages, description_of, register, unregister
from tests.conftest import draw_product, encoded
from tests.tables import tables_of

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def _stdimage() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the library announces its successor
        library = pytest.importorskip("stdimage", reason="the extra test-thumbnails is not installed")
    return library.StdImageField(upload_to="std", variations={"thumb": {"width": 20, "height": 20}})


def _pictures() -> Any:
    pytest.importorskip("pictures", reason="the extra test-thumbnails is not installed")
    library = importlib.import_module("pictures.models")
    return library.PictureField(upload_to="pictures", aspect_ratios=[None], container_width=60, file_types=["JPEG"])


def _variations(file: Any) -> list[str]:
    return [file.thumb.name]


def _picture_files(file: Any) -> list[str]:
    return [picture.name for picture in file.get_picture_files_list()]


LIBRARIES: dict[str, tuple[Callable[[], Any], type[ProductImages], Callable[[Any], list[str]]]] = {
    "stdimage": (_stdimage, StdImageMixin, _variations),
    "pictures": (_pictures, PictureMixin, _picture_files),
}


@pytest.fixture(autouse=True)
def _celery_works_at_once() -> Iterator[None]:
    """django-pictures makes its files with Celery wherever that is installed."""
    if importlib.util.find_spec("celery") is None:
        yield
        return
    settings = importlib.import_module("celery").current_app.conf
    before, settings.task_always_eager = settings.task_always_eager, True
    yield
    settings.task_always_eager = before


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> str:
    """Name of a library."""
    return str(request.param)


@pytest.fixture
def article(library: str, transactional_db: None, settings: Any) -> Iterator[Any]:
    """A model with a field of the library. On Django 6, django-pictures has its own queue of tasks."""
    backend = "django.tasks.backends.immediate.ImmediateBackend"
    settings.TASKS = {"default": {"BACKEND": backend, "QUEUES": ["default", "pictures"]}}

    class Article(models.Model):
        photo = LIBRARIES[library][0]()

        class Meta:
            app_label = "shop"

    with tables_of(Article):
        yield Article


def test_derived_files_are_there_after_each_change(library: str, article: Any, work: Callable[[], Any]) -> None:
    _field, mixin, derived = LIBRARIES[library]
    register(article)(type("Pictures", (mixin, ProductImages), {"source": "photo"}))
    row = article()
    row.photo.save("photo.jpg", ContentFile(encoded(draw_product((60, 50)))))
    before, storage = row.photo.name, row.photo.storage
    enhance({description_of(article): [row.pk]}, spec_of_operation("upscale", {}), channel="command", auto_approve=True)
    work()
    row = article.objects.get()
    assert row.photo.name != before
    assert derived(row.photo)
    assert all(storage.exists(name) for name in derived(row.photo))
    lost = derived(article(photo=before).photo)
    for name in lost:
        storage.delete(name)
    publish.restore(ImageVersion.objects.get(), actor=None)
    assert article.objects.get().photo.name == before
    assert all(storage.exists(name) for name in lost)


def test_a_description_without_the_mixin_of_its_library_is_a_finding(library: str, article: Any) -> None:
    def _findings() -> list[str]:
        return [message.msg for message in checks.run_checks() if message.id == "product_imagery.W014"]

    _field, mixin, _derived = LIBRARIES[library]
    register(article)(type("Pictures", (ProductImages,), {"source": "photo"}))
    (finding,) = _findings()
    assert mixin.__name__ in finding
    unregister(article)
    register(article)(type("Pictures", (mixin, ProductImages), {"source": "photo"}))
    assert _findings() == []
