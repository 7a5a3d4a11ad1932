"""Hosted work in the admin: pages, decisions, budgets and looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from product_imagery.models import CreditEntry, Enhancement, EnhancementItem, ProviderJob
from product_imagery.states import ItemStatus, JobState
from tests.admin.pages import press_start
from tests.fakes.hosted import Account, hurry
from tests.fakes.server import Fakes

pytestmark = pytest.mark.django_db
Person = Callable[..., Client]


class TestAdmin:
    """What a person sees and decides."""

    def test_every_page_answers(self, stalled: ProviderJob, person: Person) -> None:
        client = person("*")
        for name in ("providerjob", "creditentry", "webhookdelivery", "providercredential"):
            assert client.get(reverse(f"admin:product_imagery_{name}_changelist")).status_code == 200
        pages = [("providerjob", stalled.pk), ("creditentry", CreditEntry.objects.get().pk)]
        for name, pk in [*pages, ("providercredential", stalled.credential_id)]:
            assert client.get(reverse(f"admin:product_imagery_{name}_change", args=[pk])).status_code == 200

    def test_the_decision_needs_its_permission_and_is_written_down(
        self, stalled: ProviderJob, person: Person, fakes: Fakes
    ) -> None:
        page = reverse("admin:product_imagery_providerjob_change", args=[stalled.pk])
        decide = reverse("admin:product_imagery_providerjob_decide", args=[stalled.pk])
        looker = person("view_product", "cancel_enhancement")
        assert "Can decide what became of a lost request" in looker.get(page).content.decode()
        assert looker.post(decide, {"choice": "send_again"}).status_code == 403
        decider = person("view_product", "decide_providerjob", "cancel_enhancement")
        text = decider.get(page).content.decode()
        assert "Decide about this request" in text
        assert "may have been accepted" in text
        assert decider.get(decide).status_code == 405
        decider.post(decide, {"choice": "adopt", "remote_id": fakes.created[0].id})
        hurry()
        stalled.refresh_from_db()
        assert (stalled.state, stalled.decision) == (JobState.DONE, f"It was accepted as {fakes.created[0].id}.")
        assert stalled.decided_by is not None
        assert LogEntry.objects.get(object_id=str(stalled.pk)).get_change_message() == stalled.decision
        assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED

    def test_a_budget_may_be_given_with_the_press(self, account: Account, person: Person, make_product: Any) -> None:
        account("paqshot")
        products = [make_product(sku=f"budget-{number}").pk for number in range(3)]
        client = person("*")
        chosen = {"action": "enhance_images", "_selected_action": [str(pk) for pk in products]}
        address = client.post(reverse("admin:shop_product_changelist"), chosen, follow=True).redirect_chain[-1][0]
        page = press_start(client, address, preset="paqshot-white", budget="2")
        assert "more than its budget of 2" in page.content.decode()
        assert Enhancement.objects.count() == 0
        press_start(client, address, preset="paqshot-white", budget="3")
        assert Enhancement.objects.count() == 1

    def test_looks_of_a_provider_are_offered_once_there_is_an_account(
        self, account: Account, person: Person, make_product: Any
    ) -> None:
        product = make_product()
        client = person("*")
        chosen = {"action": "enhance_images", "_selected_action": [str(product.pk)]}
        page = client.post(reverse("admin:shop_product_changelist"), chosen, follow=True)
        assert "Paqshot" not in page.content.decode()
        account("paqshot")
        page = client.get(page.redirect_chain[-1][0] + "?preset=paqshot-scene")
        text = page.content.decode()
        assert "Lifestyle, Paqshot" in text
        assert "1 generations" in text
