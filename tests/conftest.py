"""Fixtures: a shop with pictures that are drawn here, the real engine, the real worker loop."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client

from example_project.shop.models import Collection, CollectionPhoto, Product
from product_imagery.conf import get_settings
from product_imagery.exceptions import ModelMissing
from product_imagery.flows import previews
from product_imagery.flows.enhancements.specs import spec_of_operation
from product_imagery.flows.enhancements.start import enhance
from product_imagery.flows.events import sender
from product_imagery.flows.worker import loop
from product_imagery.flows.worker.loop import Slice, run_slice
from product_imagery.models import Enhancement, EnhancementItem, ImageVersion, ProviderJob, ResultImage
from product_imagery.products import ProductImages, description_of, register, unregister
from product_imagery.providers.local.catalogue import MATTING
from product_imagery.providers.local.model import fetch
from product_imagery.testing.pictures import draw_product, encoded
from tests.fakes.shop_side import OtherSide, other_side

pytest_plugins = ["product_imagery.testing.fixtures", "tests.fakes.hosted"]


_BLOCKER = pytest.StashKey[Any]()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests about another database."""
    for vendor in ("sqlite", "postgresql"):
        if item.get_closest_marker(vendor) and connection.vendor != vendor:
            pytest.skip(f"this is about {vendor}; the tests run on {connection.vendor}")


#: Fixtures that make a test slow: the engine, a worker, and servers with their threads.
_SLOW_FIXTURES = {"model_file", "work", "fakes", "side", "live_server", "browser"}


@pytest.hookimpl(tryfirst=True)  # before ``-m`` chooses by markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow or needs a server by the fixtures and markers that make it so."""
    for item in items:
        database = item.get_closest_marker("django_db")
        committed = database is not None and database.kwargs.get("transaction")
        fixtures = set(getattr(item, "fixturenames", ()))
        if committed or _SLOW_FIXTURES & fixtures:
            item.add_marker(pytest.mark.slow)
        if "model_file" in fixtures:
            item.add_marker(pytest.mark.engine)
        if item.get_closest_marker("postgresql"):
            item.add_marker(pytest.mark.services)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, None, None]:
    """Restore the rows of the migrations after a test that emptied the tables, whichever test comes next.

    By default such tests run last. ``pytest --dist loadfile`` keeps the tests of one file together, and others follow.
    """
    yield
    marker = item.get_closest_marker("django_db")
    if nextitem is not None and marker is not None and marker.kwargs.get("serialized_rollback"):
        with item.config.stash[_BLOCKER].unblock():
            connection.creation.deserialize_db_from_string(connection._test_serialized_contents)


@pytest.fixture(scope="session", autouse=True)
def _own_folders(pytestconfig: pytest.Config, django_db_blocker: Any) -> Iterator[None]:
    """Give this process, one of several with ``pytest -n``, its own folder for temporary files and child processes."""
    pytestconfig.stash[_BLOCKER] = django_db_blocker
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    folder = tempfile.mkdtemp(prefix=f"tests-{worker}-")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)
        patch.setenv("VAR_DIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def _own_files(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.PRODUCT_IMAGERY = {"PROCESSES": 1}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _no_process_left() -> Iterator[None]:
    """End the process that pages have started for small pictures: other tests count the children of this one."""
    yield
    previews.close()


@pytest.fixture(autouse=True)
def _short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the loop's rounds: it gathers responses for a while before it writes them down, and pauses when idle."""
    monkeypatch.setattr(loop, "ROUND_SECONDS", 0.01)
    monkeypatch.setattr(loop, "GATHER_SECONDS", 0.001)
    monkeypatch.setattr(loop, "TICK_SECONDS", 0.02)
    monkeypatch.setattr(sender, "QUERY_SECONDS", 0.02)


@pytest.fixture(autouse=True)
def _no_second_thoughts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers publish at once what is approved on the review page."""
    monkeypatch.setattr("product_imagery.admin.review.steps.UNDO_SECONDS", 0.0)


@pytest.fixture(scope="session")
def model_file() -> Path:
    """The matting model; fetched once for this machine, skipped where that is impossible."""
    get_settings.cache_clear()
    try:
        return fetch(MATTING, get_settings().models())
    except ModelMissing as error:
        pytest.skip(f"the matting model cannot be fetched here: {error.detail}")


@pytest.fixture
def make_product(db: None) -> Callable[..., Product]:
    """Products with a drawn photo, or with the bytes given."""

    def make(
        title: str = "Red bottle", content: bytes | None = None, name: str = "photo.jpg", **fields: Any
    ) -> Product:
        number = Product.objects.count() + 1
        product = Product(title=title, sku=fields.pop("sku", f"SKU-{number}"), price=10, **fields)
        product.photo.save(name, ContentFile(encoded(draw_product()) if content is None else content))
        return product

    return make


@pytest.fixture
def gallery(db: None) -> Collection:
    """A product with three pictures in a related model."""
    collection = Collection.objects.create(title="Summer")
    for position in range(3):
        row = CollectionPhoto(collection=collection, position=2 - position, is_cover=position == 1)
        row.image.save(f"{position}.jpg", ContentFile(encoded(draw_product((120, 100 + position)))))
    return collection


@pytest.fixture
def large_ids(db: None) -> None:
    """Everything that is made from now on has an id over 1,500."""
    for model in (Enhancement, EnhancementItem, ImageVersion, ProviderJob, ResultImage):
        table = model._meta.db_table
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
                cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, 1500)", [table])
            else:
                cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), 1500)", [table])


class OneField(ProductImages):
    """Read and written in the same field."""

    source = "photo"
    name = "title"


@pytest.fixture
def one_field() -> Iterator[None]:
    """Products with one field."""
    former = type(description_of(Product))
    unregister(Product)
    register(Product)(OneField)
    yield
    unregister(Product)
    register(Product)(former)


@pytest.fixture
def enlarge(db: None) -> Callable[..., Enhancement]:
    """Start an enhancement of products that needs no model: two times larger."""

    def begin(*products: Any, **arguments: Any) -> Enhancement:
        spec = spec_of_operation("upscale", arguments.pop("options", {}))
        ids = [product.pk for product in products]
        return enhance({description_of(type(products[0])): ids}, spec, channel="command", **arguments).enhancement

    return begin


@pytest.fixture
def make_it_vary() -> Callable[[], None]:
    """Give every enhancement a seed, so that its pictures can be made again."""

    def vary() -> None:
        for enhancement in Enhancement.objects.all():
            Enhancement.objects.filter(pk=enhancement.pk).update(options={**enhancement.options, "seed": 1})

    return vary


@pytest.fixture
def work() -> Callable[[], Slice]:
    """Let a worker do everything that is due."""
    return lambda: run_slice(until_idle=True)


@pytest.fixture
def person(db: None) -> Callable[..., Client]:
    """A logged-in member of staff with the permissions named, e.g. ``start_enhancement``; ``*`` for all."""

    def log_in(*names: str) -> Client:
        number = get_user_model().objects.count()
        user = get_user_model().objects.create_user(f"staff{number}", password="x", is_staff=True)
        if names == ("*",):
            user.is_superuser = True
            user.save()
        else:
            user.user_permissions.set(Permission.objects.filter(codename__in=names))
        client = Client()
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def side(settings: Any) -> Iterator[OtherSide]:
    """Another program's server, which may be fetched from and called."""
    with other_side() as running:
        allowed = (running.address.removeprefix("http://"),)
        settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "FETCH_ALLOW": allowed}
        yield running


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Whom we connected to."""
    seen: list[Any] = []
    connect = socket.create_connection

    def noted(address: Any, *arguments: Any, **named: Any) -> Any:
        seen.append(address)
        return connect(address, *arguments, **named)

    monkeypatch.setattr(socket, "create_connection", noted)
    return seen
