"""A secret goes to the provider and address that it was given for, and nowhere else, whoever edits the row."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from product_imagery.conf import get_settings
from product_imagery.exceptions import ConfigurationError, SecretError
from product_imagery.models import ProviderCredential, ProviderJob
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import KEYS, Fakes
from tests.fakes.shop_side import OtherSide

_MAY = ("add_providercredential", "change_providercredential", "view_providercredential")
_CANARY = "pk_live_FROM_ENV_canary_0001"
_LIST = "admin:product_imagery_providercredential_changelist"
_ADD = "admin:product_imagery_providercredential_add"
_CHANGE = "admin:product_imagery_providercredential_change"


@pytest.fixture
def elsewhere(fakes: Fakes, side: OtherSide, settings: Any) -> str:
    """A host that calls may reach, and that no key was given for; a key of the settings for ``fakes``."""
    hosts = [address.removeprefix("http://") for address in (fakes.base, side.address)]
    own = {"provider": "paqshot", "base_url": f"{fakes.base}/paqshot", "key": _CANARY, "webhook_secret": "whsec_env"}
    settings.PRODUCT_IMAGERY |= {"KEYS": {"Main": own}, "FETCH_ALLOW": hosts}
    return side.address


def _form(**fields: Any) -> dict[str, Any]:
    return {"label": "Main", "is_active": "on", "key": ""} | fields


def _check(client: Any, credential: ProviderCredential) -> None:
    client.post(reverse(_LIST), {"action": "check_key", "_selected_action": [credential.pk]})


class TestSettings:
    """Keys in ``PRODUCT_IMAGERY["KEYS"]``."""

    def test_a_changed_address_gets_no_key(self, elsewhere: str, fakes: Fakes, side: OtherSide, person: Any) -> None:
        one = ProviderCredential.objects.create(provider="paqshot", label="Main", base_url=f"{fakes.base}/paqshot")
        client = person(*_MAY)
        page = client.post(reverse(_CHANGE, args=[one.pk]), _form(base_url=elsewhere))
        assert "It is not sent to" in page.content.decode()
        ProviderCredential.objects.filter(pk=one.pk).update(base_url=elsewhere)  # by whatever way
        _check(client, one)
        assert side.fetched == []

    def test_a_new_row_with_the_name_gets_no_key(
        self, elsewhere: str, fakes: Fakes, side: OtherSide, person: Any
    ) -> None:
        client = person(*_MAY)
        page = client.post(reverse(_ADD), _form(provider="paqshot", base_url=elsewhere))
        assert "It is not sent to" in page.content.decode()
        assert not ProviderCredential.objects.exists()
        one = ProviderCredential.objects.create(provider="productai", label="Main", base_url=f"{fakes.base}/paqshot")
        with pytest.raises(SecretError, match="for paqshot at"):
            one.secret()

    def test_a_renamed_row_does_not_take_the_key(
        self, elsewhere: str, fakes: Fakes, side: OtherSide, person: Any
    ) -> None:
        one = ProviderCredential(provider="paqshot", label="Other", base_url=elsewhere)
        one.set_secret(KEYS["paqshot"])
        one.save()
        client = person(*_MAY)
        page = client.post(reverse(_CHANGE, args=[one.pk]), _form(base_url=elsewhere))
        assert "give it another name" in page.content.decode()
        ProviderCredential.objects.filter(pk=one.pk).update(label="Main")
        _check(client, one)
        assert side.fetched == []

    def test_a_queued_job_waits_rather_than_send_the_key_elsewhere(
        self, elsewhere: str, fakes: Fakes, side: OtherSide, order: Order
    ) -> None:
        one = ProviderCredential.objects.create(
            provider="paqshot", label="Main", base_url=f"{fakes.base}/paqshot", consecutive_failures=0
        )
        order(one)
        ProviderCredential.objects.update(base_url=elsewhere)
        hurry(3)
        one.refresh_from_db()
        assert "It is not sent to" in one.paused_reason
        assert ProviderJob.objects.get().state == "queued"
        assert side.fetched == []
        assert side.received == []

    def test_the_webhook_secret_is_bound_as_well(self, elsewhere: str, fakes: Fakes) -> None:
        one = ProviderCredential(provider="paqshot", label="Main", base_url=f"{fakes.base}/paqshot/")
        assert one.secret("webhook_secret").reveal() == "whsec_env"
        one.base_url = elsewhere
        with pytest.raises(SecretError):
            one.secrets("webhook_secret")

    def test_the_command_adds_no_row_that_would_get_it(self, elsewhere: str, db: None) -> None:
        with pytest.raises(CommandError, match="It is not sent to"):
            call_command("imagery_credential", "add", "paqshot", "Main", "--base-url", elsewhere, stdout=StringIO())
        assert not ProviderCredential.objects.exists()

    @pytest.mark.parametrize(
        "secrets", ["pk_live_x", {"key": "x"}, {"provider": "paqshot"}, {"provider": "p", "key": 1}]
    )
    def test_a_key_for_no_provider_is_refused_with_a_sample(self, secrets: Any, settings: Any) -> None:
        settings.PRODUCT_IMAGERY = {"KEYS": {"Main": secrets}}
        with pytest.raises(ConfigurationError, match="names the provider"):
            get_settings()


class TestStored:
    """Keys in the database."""

    def test_a_row_whose_address_was_changed_behind_the_form_has_no_key(
        self, account: Account, order: Order, fakes: Fakes, side: OtherSide, settings: Any
    ) -> None:
        settings.PRODUCT_IMAGERY["FETCH_ALLOW"] = (*settings.PRODUCT_IMAGERY["FETCH_ALLOW"], side.address[7:])
        credential = account("productai")
        order(credential)
        ProviderCredential.objects.update(base_url=side.address)
        hurry(3)
        credential.refresh_from_db()
        assert "another account or address" in credential.paused_reason
        assert ProviderJob.objects.get().state == "queued"
        assert side.fetched == []
        assert side.received == []

    def test_a_new_address_takes_new_secrets_all_of_them(
        self, paqshot: ProviderCredential, fakes: Fakes, person: Any
    ) -> None:
        page, there = reverse(_CHANGE, args=[paqshot.pk]), f"{fakes.base}/paqshot/v2"
        answer = person(*_MAY).post(page, _form(label="paqshot", base_url=there, key=KEYS["paqshot"]))
        assert "not sent to another address" in answer.content.decode()
        fields = {"key": KEYS["paqshot"], "paqshot-webhook_secret": "whsec_new"}
        assert person(*_MAY).post(page, _form(label="paqshot", base_url=there, **fields)).status_code == 302
        paqshot.refresh_from_db()
        assert [one.reveal() for one in paqshot.secrets("webhook_secret")] == ["whsec_new"]

    def test_the_command_asks_for_every_secret_again(
        self, paqshot: ProviderCredential, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KEY", KEYS["paqshot"])
        monkeypatch.setenv("HOOK", "whsec_new")
        add = ["imagery_credential", "add", "paqshot", "paqshot", "--base-url", f"{fakes.base}/paqshot/v2"]
        with pytest.raises(CommandError, match=r"secrets again with --secret-env: webhook_secret"):
            call_command(*add, "--key-env", "KEY", stdout=StringIO())
        call_command(*add, "--key-env", "KEY", "--secret-env", "webhook_secret=HOOK", stdout=StringIO())
        paqshot.refresh_from_db()
        assert (paqshot.secret().reveal(), paqshot.secret("webhook_secret").reveal()) == (KEYS["paqshot"], "whsec_new")

    def test_a_new_name_keeps_its_key(self, account: Account, person: Any) -> None:
        credential = account("paqshot")
        form = _form(label="Renamed", base_url=credential.base_url)
        assert person(*_MAY).post(reverse(_CHANGE, args=[credential.pk]), form).status_code == 302
        credential.refresh_from_db()
        assert (credential.label, credential.secret().reveal()) == ("Renamed", KEYS["paqshot"])
