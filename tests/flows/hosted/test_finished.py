"""Jobs that are finished at their provider, with pictures that cannot be had at first."""

from __future__ import annotations

import pytest

from product_imagery.flows.enhancements import retry
from product_imagery.models import Enhancement
from product_imagery.states import EnhancementStatus
from tests.fakes.hosted import OPERATIONS, Account, Order, hurry
from tests.fakes.server import Fakes

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("provider", sorted(OPERATIONS))
def test_a_picture_that_cannot_be_fetched_is_fetched_later_and_not_bought_again(
    provider: str, account: Account, order: Order, fakes: Fakes
) -> None:
    enhancement = order(account(provider))
    fakes.fail("files.read", "status", times=2, status=404)
    hurry()
    assert Enhancement.objects.get(pk=enhancement.pk).status == EnhancementStatus.COMPLETED
    assert fakes.charged(provider) == 1


def test_what_is_no_picture_fails_in_the_end_and_retrying_only_collects(
    account: Account, order: Order, fakes: Fakes
) -> None:
    enhancement = order(account("productai"))
    good, fakes.picture = fakes.picture, b"<html>Log in</html>"
    hurry(14)
    assert Enhancement.objects.get(pk=enhancement.pk).status == EnhancementStatus.FAILED
    fakes.picture = good
    retry.retry(enhancement)
    hurry()
    assert Enhancement.objects.get(pk=enhancement.pk).status == EnhancementStatus.COMPLETED
    assert fakes.charged("productai") == 1
