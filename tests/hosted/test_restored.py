"""A database that went back in time does not buy again what was bought since."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.core.management import CommandError, call_command
from django.db import transaction
from django.urls import reverse

from product_imagery import files
from product_imagery.flows import accounts, restored
from product_imagery.models import EnhancementItem, ProviderCredential, SpendingMark
from product_imagery.states import ItemStatus
from tests.fakes.server import Fakes
from tests.hosted.conftest import Account, Order, hurry

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
    accounts.resume(credential)
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
    assert not restored.pause_if_restored()
    assert ProviderCredential.objects.filter(paused_at=None).count() == 1
    assert files.highest_mark(mark.uuid) == mark.number == 3
    assert len(files.listed(files.results_storage(), f"product_imagery/spending/{mark.uuid}")) == 1


class Unlisted(FileSystemStorage):
    """A storage that cannot be listed."""

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        raise NotImplementedError


def test_a_storage_that_cannot_be_listed_stops_nothing(
    account: Account, order: Order, fakes: Fakes, settings: Any
) -> None:
    results = {**settings.STORAGES["default"], "BACKEND": "tests.hosted.test_restored.Unlisted"}
    settings.STORAGES = {**settings.STORAGES, "default": results}
    credential = account("paqshot")
    for _ in range(2):
        order(credential)
        hurry()
    assert _completed() == 2


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
    assert restored.pause_if_restored()
    page = reverse("admin:product_imagery_providercredential_change", args=[credential.pk])
    sent = {"label": "paqshot", "base_url": credential.base_url, "is_active": "on", "own_limits": "{}"}
    person("*").post(page, sent | {"own_prices": "{}", "key": "pk_live_another_one"})
    credential.refresh_from_db()
    assert credential.secret().reveal() == "pk_live_another_one"
    assert "restored or copied" in credential.paused_reason
