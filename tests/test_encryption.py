"""Secrets: sealed for one place, shown to nobody, never lost by a wrong key."""

from __future__ import annotations

import json
import logging
import pickle
import traceback
from pathlib import Path
from typing import Any

import psutil
import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.core.management import call_command

from product_imagery.encryption import Secret, seal, unseal
from product_imagery.exceptions import SecretError
from product_imagery.flows.hosted import credentials
from product_imagery.imaging.sandbox import ImagingPool, PoolLimits
from product_imagery.models import ProviderCredential

CANARY = "pk_live_canary_5f3b9d2e7a"


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret(CANARY)
    shown = [repr(secret), str(secret), f"{secret}", "%s" % secret, repr([secret]), repr({"key": secret}), secret.hint]  # noqa: UP031
    assert not any(CANARY in text for text in shown)
    assert secret.reveal() == CANARY
    assert secret.hint == "••••2e7a"
    assert Secret("short").hint == "••••"
    for refused in (pickle.dumps, json.dumps):
        with pytest.raises(TypeError):
            refused(secret)
    assert not hasattr(secret, "__dict__")


def test_what_is_sealed_for_one_place_opens_nowhere_else() -> None:
    token = seal(CANARY, "credential/1/key")
    assert CANARY not in token
    assert unseal(token, "credential/1/key").reveal() == CANARY
    with pytest.raises(SecretError, match="another account"):
        unseal(token, "credential/2/key")


@pytest.mark.django_db
def test_with_another_key_nothing_opens_and_nothing_is_lost(settings: Any) -> None:
    first, second = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.PRODUCT_IMAGERY = {"SECRET_KEYS": (first,)}
    credential = ProviderCredential(provider="paqshot", label="Main")
    credential.set_secret(CANARY)
    credential.save()
    settings.PRODUCT_IMAGERY = {"SECRET_KEYS": (second,)}
    stored = ProviderCredential.objects.get()
    with pytest.raises(SecretError, match="Enter the key again"):
        stored.secret()
    assert "unreadable" in stored.hint()
    stored.label = "Renamed"
    stored.save()
    assert credentials.renew_encryption() == (0, ["Renamed"])
    settings.PRODUCT_IMAGERY = {"SECRET_KEYS": (second, first)}
    assert credentials.renew_encryption() == (1, [])
    settings.PRODUCT_IMAGERY = {"SECRET_KEYS": (second,)}
    assert ProviderCredential.objects.get().secret().reveal() == CANARY


@pytest.mark.django_db
def test_a_dump_that_is_loaded_at_another_site_opens_nothing_and_loses_nothing(
    settings: Any, tmp_path: Path, admin_client: Any
) -> None:
    """H4."""
    first, second = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.PRODUCT_IMAGERY = {"SECRET_KEYS": (first,)}
    credential = ProviderCredential(provider="paqshot", label="Main")
    credential.set_secret(CANARY)
    credential.save()
    dump = tmp_path / "dump.json"
    call_command("dumpdata", "product_imagery.providercredential", output=str(dump))
    assert CANARY not in dump.read_text()
    ProviderCredential.objects.all().delete()
    settings.PRODUCT_IMAGERY = {"SECRET_KEYS": (second,)}
    call_command("loaddata", str(dump), verbosity=0)
    loaded = ProviderCredential.objects.get()
    with pytest.raises(SecretError, match="Enter the key again"):
        loaded.secret()
    page = admin_client.get(f"/admin/product_imagery/providercredential/{loaded.pk}/change/")
    assert "unreadable" in page.content.decode()
    settings.PRODUCT_IMAGERY = {"SECRET_KEYS": (first,)}
    assert loaded.secret().reveal() == CANARY


def test_an_imaging_process_is_told_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """H7: neither its environment nor its command line holds what ours do."""
    monkeypatch.setenv("PRODUCT_IMAGERY_SECRET_KEYS", CANARY)
    monkeypatch.setenv("DATABASE_URL", f"postgres://shop:{CANARY}@localhost/shop")
    pool = ImagingPool(PoolLimits(processes=1))
    try:
        pool.run("json:dumps", obj={})
        (child,) = psutil.Process().children()
        assert CANARY not in repr(child.environ())
        assert CANARY not in repr(child.cmdline())
    finally:
        pool.close()


@pytest.mark.django_db
def test_the_canary_appears_nowhere(client: Any, admin_client: Any, capsys: Any, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    credential = ProviderCredential(provider="paqshot", label="Main")
    credential.set_secret(CANARY)
    credential.set_secret(CANARY, "webhook_secret")
    credential.save()
    texts = [serializers.serialize("json", ProviderCredential.objects.all()), repr(vars(credential))]
    texts += [str(list(ProviderCredential.objects.values())), str(ProviderCredential.objects.all().query)]
    call_command("dumpdata", "product_imagery")
    call_command("imagery_credential", "list")
    base = "/admin/product_imagery/providercredential/"
    for address in (base, f"{base}{credential.pk}/change/", f"{base}{credential.pk}/history/", f"{base}add/"):
        texts.append(admin_client.get(address).content.decode())
    form = {"label": "Main", "base_url": "", "key": "", "is_active": "on"}
    admin_client.post(f"{base}{credential.pk}/change/", form)
    try:
        secret = credential.secret()
        raise RuntimeError(f"{secret} {credential}")
    except RuntimeError:
        texts.append(traceback.format_exc())
    texts += [*capsys.readouterr(), caplog.text]
    assert not [text for text in texts if CANARY in text]
    assert ProviderCredential.objects.get().secret().reveal() == CANARY


@pytest.mark.django_db
def test_the_admin_takes_a_key_and_keeps_it_when_the_field_stays_empty(admin_client: Any) -> None:
    base = "/admin/product_imagery/providercredential/"
    form = {
        "provider": "paqshot",
        "label": "Main",
        "base_url": "",
        "is_active": "on",
        "paqshot-webhook_secret": "whsec_1",
    }
    page = admin_client.post(f"{base}add/", form)
    assert "needs a key" in page.content.decode()
    admin_client.post(f"{base}add/", form | {"key": CANARY})
    credential = ProviderCredential.objects.get()
    assert credential.secret().reveal() == CANARY
    assert credential.secret("webhook_secret").reveal() == "whsec_1"
    admin_client.post(
        f"{base}{credential.pk}/change/", {"label": "Second", "base_url": "", "is_active": "on", "key": ""}
    )
    credential = ProviderCredential.objects.get()
    assert (credential.label, credential.secret().reveal()) == ("Second", CANARY)
    assert "••••2e7a" in admin_client.get(f"{base}{credential.pk}/change/").content.decode()
