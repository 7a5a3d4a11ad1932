"""Keys that cannot be read, that are renewed, and that belong elsewhere."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.urls import reverse

from product_imagery.exceptions import ProviderError
from product_imagery.flows.hosted import credentials
from product_imagery.models import (
    CreditEntry,
    EnhancementItem,
    ProviderCredential,
    ProviderJob,
)
from product_imagery.states import ItemStatus, JobState
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import KEYS, Fakes

pytestmark = pytest.mark.django_db


def _booked() -> int:
    return int(sum(entry.amount for entry in CreditEntry.objects.all()))


class TestKeys:
    """Keys that cannot be read, that are renewed, and that belong elsewhere."""

    def test_work_waits_for_a_key_that_cannot_be_read(
        self, account: Account, order: Order, fakes: Fakes, settings: Any, person: Any
    ) -> None:
        """K7: encrypted with a key that is gone. The key entered anew is all that it takes."""
        order(account("productai"))
        settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "SECRET_KEYS": [Fernet.generate_key().decode()]}
        hurry(2)
        credential = ProviderCredential.objects.get()
        assert ProviderJob.objects.get().state == JobState.QUEUED
        assert credential.paused_at is not None
        assert _booked() == 3
        page = reverse("admin:product_imagery_providercredential_change", args=[credential.pk])
        sent = {"provider": "productai", "label": "productai", "base_url": credential.base_url, "is_active": "on"}
        answer = person("*").post(page, sent | {"key": KEYS["productai"]}, follow=True)
        assert "is used again" in answer.content.decode()
        hurry()
        assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED

    def test_a_pause_by_a_person_takes_the_place_of_one_that_waits_for_a_key(self, account: Account) -> None:
        credential = account("paqshot")
        assert credential.pause("The key is refused.", stops_reads=True, awaits_key=True)
        call_command("imagery_credential", "pause", "paqshot", stdout=io.StringIO())
        credential.refresh_from_db()
        assert not credentials.welcome_key(credential)
        assert credential.paused_reason == "paused by hand"
        credential.pause("The key is refused.", stops_reads=True, awaits_key=True)
        credential.refresh_from_db()
        assert credential.paused_reason == "paused by hand"

    def test_the_check_of_a_key_that_can_only_read_jobs(self, account: Account) -> None:
        assert "accepts the key" in credentials.check(account("productai"))
        with pytest.raises(ProviderError, match="INVALID_API_KEY"):
            credentials.check(account("productai", key="another", label="bad"))

    def test_an_address_that_only_the_customer_knows_is_asked_for(self, db: None, monkeypatch: Any) -> None:
        monkeypatch.setenv("KEY_OF_IT", KEYS["pergai"])
        add = ("imagery_credential", "add", "pergai", "Main", "--key-env", "KEY_OF_IT")
        with pytest.raises(CommandError, match="enter yours, as in http://localhost:3002"):
            call_command(*add, stdout=io.StringIO())
        assert not ProviderCredential.objects.exists()
        call_command(*add, "--base-url", "http://localhost:3002/api/external/v1", stdout=io.StringIO())
        _move(ProviderCredential.objects.get(), "", KEYS["pergai"])
        found = io.StringIO()
        with pytest.raises(SystemExit):
            call_command("imagery_doctor", stdout=found)
        assert "Main: PergAI has no address that is the same for everybody" in found.getvalue()

    def test_a_new_key_does_not_end_a_pause_that_a_person_made(self, account: Account, person: Any) -> None:
        credential = account("productai")
        credential.pause("paused by somebody", stops_reads=True)
        page = reverse("admin:product_imagery_providercredential_change", args=[credential.pk])
        sent = {"provider": "productai", "label": "productai", "base_url": credential.base_url, "is_active": "on"}
        person("*").post(page, sent | {"key": "another"})
        credential.refresh_from_db()
        assert credential.secret().reveal() == "another"
        assert credential.paused_at is not None

    def test_a_key_of_another_provider_is_refused_on_entry(self, db: None, person: Any) -> None:
        sent = {"provider": "aigenstudio", "label": "studio", "is_active": "on"}
        page = person("*").post(
            reverse("admin:product_imagery_providercredential_add"), sent | {"key": "pk_live_of_somebody"}
        )
        assert "A key of AI Gen Studio begins with aigen_live_ or aigen_test_" in page.content.decode()
        assert not ProviderCredential.objects.exists()

    def test_a_site_key_that_is_rotated_with_fallbacks_keeps_lost_requests(
        self, account: Account, order: Order, fakes: Fakes, settings: Any
    ) -> None:
        """K6."""
        settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "SECRET_KEYS": [Fernet.generate_key().decode()]}
        order(account("aigenstudio"))
        fakes.fail("aigenstudio.create", "lose")
        hurry(1)
        settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "a new one of the site's own"
        hurry()
        assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED
        assert fakes.charged("aigenstudio") == 1

    def test_a_key_that_is_echoed_is_not_kept(self, account: Account, order: Order, fakes: Fakes) -> None:
        order(account("productai"))
        key = KEYS["productai"]
        told = json.dumps({"name": "ApiError", "message": f"What is {key}?", "details": key}).encode()
        fakes.fail("productai.create", "status", status=400, body=told)
        hurry(1)
        item = EnhancementItem.objects.get()
        assert item.error_message.endswith("It says: “What is ••••? ••••”")
        assert key not in item.error_detail + ProviderJob.objects.get().note

    def test_a_new_account_proves_itself_with_one_create(self, account: Account, order: Order, fakes: Fakes) -> None:
        """K2: a bad key is not tried by all threads at once."""
        order(account("paqshot", key="pk_live_mistyped", consecutive_failures=1), 20)
        hurry(4)
        assert len(fakes.calls) == 1
        assert ProviderCredential.objects.get().paused_at is not None


def _move(credential: ProviderCredential, address: str, key: str) -> None:
    """To another address, with the key entered again."""
    credential.base_url = address
    credential.set_secret(key)
    credential.save()


def test_a_key_from_the_settings_needs_no_stored_one(
    account: Account, order: Order, fakes: Fakes, settings: Any
) -> None:
    credential = account("paqshot", label="From settings", key="stale-and-wrong-key")
    own = {"provider": "paqshot", "base_url": credential.base_url, "key": "pk_live_loopback_key_0001"}
    own["webhook_secret"] = "whsec_of_settings"
    settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "KEYS": {"From settings": own}}
    assert credential.hint() == "••••0001"
    assert credential.secret("webhook_secret").reveal() == "whsec_of_settings"
    order(credential)
    hurry()
    assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED
