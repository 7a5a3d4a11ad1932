"""An account in trouble is asked less."""

from __future__ import annotations

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import (
    ProviderCredential,
    ProviderJob,
)
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import KEYS, Fakes

pytestmark = pytest.mark.django_db


def test_a_longer_rest_is_not_cut_short(account: Account) -> None:
    """A6: told to wait ten minutes by one answer, and in trouble by the next one."""
    credential = account("productai")
    credential.slow_down(600.0)
    credential.slow_down()
    credential.slow_down(5.0)
    credential.refresh_from_db()
    assert not ProviderCredential.objects.not_cooling_down().exists()
    assert credential.consecutive_failures == 1
    assert (credential.cooldown_until - timezone.now()).total_seconds() > 500


def _move(credential: ProviderCredential, address: str, key: str) -> None:
    """To another address, with the key entered again."""
    credential.base_url = address
    credential.set_secret(key)
    credential.save()


@pytest.mark.parametrize("part", ["nobody answers", "looks fail"])
def test_an_outage_is_probed_and_not_hammered(part: str, account: Account, order: Order, fakes: Fakes) -> None:
    """A20: also when nothing can be connected to, and for looks: the account rests, whatever is due."""
    credential = account("paqshot")
    order(credential, 20)
    if part == "looks fail":
        hurry(1)
        fakes.fail("paqshot.read", "status", times=500, status=503)
    else:
        _move(credential, "http://127.0.0.1:9/", KEYS["paqshot"])
    ProviderJob.objects.update(due_at=Now(), attempts=0)
    ProviderCredential.objects.update(cooldown_until=None)
    for _ in range(5):
        ProviderJob.objects.filter(leased_until=None).update(due_at=Now())
        run_slice(seconds=0.1)
    assert ProviderJob.objects.filter(attempts__gt=0).count() <= 6 + 1
    assert not ProviderCredential.objects.not_cooling_down().exists()
