"""A database that went back in time does not buy again what was bought since."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from django.core.files.storage import FileSystemStorage
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import override_settings
from django.urls import reverse

from product_imagery.exceptions import StorageError
from product_imagery.flows.hosted import credentials
from product_imagery.flows.money import restore_guard
from product_imagery.models import EnhancementItem, ProviderCredential, SpendingMark
from product_imagery.states import ItemStatus
from product_imagery.storage import store, watermark
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes

pytestmark = pytest.mark.django_db


@contextlib.contextmanager
def _backup() -> Iterator[None]:
    """What happens inside is undone in the database, as by restoring a backup from before; nothing else is."""
    with contextlib.suppress(_Restore), transaction.atomic():
        yield
        raise _Restore


class _Restore(Exception):
    pass


def _completed() -> int:
    return EnhancementItem.objects.filter(status=ItemStatus.COMPLETED).count()


def _unknown(label: str) -> list[dict[str, Any]]:
    target = StringIO()
    call_command("imagery_remote", label, "unknown", "--json", stdout=target)
    found: list[dict[str, Any]] = json.loads(target.getvalue())
    return found


@pytest.mark.parametrize("provider", ["paqshot", "pergai"])
def test_nothing_is_bought_again_without_a_person(provider: str, account: Account, order: Order, fakes: Fakes) -> None:
    credential = account(provider)
    order(credential)
    hurry()
    order(credential, 3)
    with _backup():
        hurry()
        assert (fakes.charged(provider), _unknown(provider)) == (4, [])
    assert _completed() == 1
    hurry(3)
    credential.refresh_from_db()
    assert fakes.charged(provider) == 4
    assert "restored or copied" in credential.paused_reason
    assert {entry["id"] for entry in _unknown(provider)} == {one.id for one in fakes.created[1:]}
    credentials.resume(credential)
    hurry()
    assert (fakes.charged(provider), _completed()) == (7, 4)  # a person's click
    credential.refresh_from_db()
    assert credential.paused_at is None


def test_work_that_was_under_way_is_still_fetched(account: Account, order: Order, fakes: Fakes) -> None:
    credential = account("paqshot")
    order(credential)
    hurry(1)
    with _backup():
        order(credential)
        hurry()
    hurry()
    credential.refresh_from_db()
    assert credential.paused_at is not None
    assert (_completed(), fakes.charged("paqshot")) == (1, 2)


def test_only_databases_that_went_back_are_paused(account: Account, order: Order, fakes: Fakes) -> None:
    """Worker after worker, one of which was rolled back before it sent anything."""
    credential = account("productai")
    for _ in range(3):
        order(credential)
        hurry()
    with _backup():
        order(credential)
    hurry()
    mark = SpendingMark.objects.get()
    assert not restore_guard.pause_if_restored()
    assert ProviderCredential.objects.filter(paused_at=None).count() == 1
    assert watermark.highest(mark.uuid) == mark.number == mark.confirmed == 4
    assert len(store.listed(store.results_storage(), f"product_imagery/spending/{mark.uuid}")) == 1


class Unlisted(FileSystemStorage):
    """A storage that cannot be listed."""

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        raise NotImplementedError


class Away(FileSystemStorage):
    """A storage that answers no questions."""

    def exists(self, name: str) -> bool:
        if "/spending/" in name:
            raise OSError("connection refused")
        return super().exists(name)


def _store_in(backend: str, settings: Any, **options: Any) -> None:
    results = {"BACKEND": f"tests.flows.money.test_restore_guard.{backend}", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "default": results}


@pytest.mark.parametrize("kind", ["listed", "unlisted"])
@pytest.mark.parametrize("change", ["emptied", "folder", "bucket"])
def test_a_storage_that_does_not_know_the_database_stops_buying(
    kind: str, change: str, account: Account, order: Order, fakes: Fakes, settings: Any, tmp_path: Path
) -> None:
    """A copy of the database with another storage; also where nothing was bought after the copy was taken."""
    if kind == "unlisted":
        _store_in("Unlisted", settings)
    credential = account("paqshot")
    order(credential)
    hurry()
    order(credential, 2)
    with _backup():
        hurry()
    if change == "emptied":
        shutil.rmtree(Path(settings.MEDIA_ROOT, "product_imagery/spending"))
    elif change == "folder":
        settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "FOLDER": "another"}
    else:
        settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "STORAGE": "moved"}
        moved = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "moved"}}
        settings.STORAGES = {**settings.STORAGES, "moved": moved}
    hurry(3)
    credential.refresh_from_db()
    assert fakes.charged("paqshot") == 3
    assert "does not know this database" in credential.paused_reason
    credentials.resume(credential)
    hurry()
    credential.refresh_from_db()
    assert (fakes.charged("paqshot"), credential.paused_at) == (5, None)  # a person's click, and then it goes on


def test_a_storage_that_cannot_be_listed_notices_as_well(
    account: Account, order: Order, fakes: Fakes, settings: Any
) -> None:
    _store_in("Unlisted", settings)
    credential = account("paqshot")
    for _ in range(2):
        order(credential)
        hurry()
    order(credential, 2)
    with _backup():
        hurry()
    hurry(3)
    credential.refresh_from_db()
    assert (fakes.charged("paqshot"), _completed()) == (4, 2)
    assert credential.paused_at is not None


def test_two_sites_on_one_copy_do_not_both_buy(account: Account, order: Order, fakes: Fakes) -> None:
    credential = account("paqshot")
    order(credential)
    hurry()
    with _backup():  # the other site, with its copy of the database and the same storage
        order(credential)
        hurry()
    order(credential)
    hurry(3)
    credential.refresh_from_db()
    assert fakes.charged("paqshot") == 2
    assert credential.paused_at is not None


def test_nothing_is_sent_while_the_storage_cannot_be_asked(
    account: Account, order: Order, fakes: Fakes, settings: Any
) -> None:
    credential = account("paqshot")
    order(credential)
    with override_settings(STORAGES={**settings.STORAGES, "default": {"BACKEND": f"{__name__}.Away"}}):
        hurry(3)
        assert fakes.charged("paqshot") == 0
    hurry()
    credential.refresh_from_db()
    assert (fakes.charged("paqshot"), credential.paused_at) == (1, None)


def test_a_number_that_could_not_be_stored_is_stored_later_and_is_no_loss(
    account: Account, order: Order, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    credential = account("paqshot")
    order(credential)
    hurry()
    order(credential)
    with monkeypatch.context() as failing:
        failing.setattr(watermark, "write", Mock(side_effect=StorageError("full")))
        hurry()
    mark = SpendingMark.objects.get()
    assert mark.number > mark.confirmed > 0
    assert not restore_guard.pause_if_restored()
    assert restore_guard.note_spending()
    mark.refresh_from_db()
    assert watermark.highest(mark.uuid) == mark.number == mark.confirmed
    assert ProviderCredential.objects.get().paused_at is None


def test_a_provider_without_a_list_says_where_to_look(account: Account) -> None:
    account("productai")
    with pytest.raises(CommandError, match="gives no list of its jobs. Look at its dashboard"):
        _unknown("productai")


def test_a_new_key_does_not_end_the_pause(account: Account, order: Order, person: Any) -> None:
    """It was paused already, for its key: what was bought since the backup is a reason of its own."""
    credential = account("paqshot")
    order(credential)
    hurry()
    with _backup():
        order(credential)
        hurry()
    credential.pause("The key is not accepted.", stops_reads=False, awaits_key=True)
    assert restore_guard.pause_if_restored()
    page = reverse("admin:product_imagery_providercredential_change", args=[credential.pk])
    sent = {"label": "paqshot", "base_url": credential.base_url, "is_active": "on"}
    person("*").post(page, sent | {"key": "pk_live_another_one"})
    credential.refresh_from_db()
    assert credential.secret().reveal() == "pk_live_another_one"
    assert "restored or copied" in credential.paused_reason
