"""Decisions about many lost requests at once, and the id that a webhook named."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import path, reverse

from example_project.shop.models import Product
from product_imagery.exceptions import StateError
from product_imagery.flows.enhancements import reconcile
from product_imagery.models import (
    Enhancement,
    EnhancementItem,
    ProviderJob,
)
from product_imagery.states import EnhancementStatus, ItemStatus, JobState
from tests.admin.test_sites import back
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes

pytestmark = pytest.mark.django_db


@pytest.fixture
def three(account: Account, order: Order, fakes: Fakes) -> list[ProviderJob]:
    """Jobs of which nobody knows whether they were accepted; they were not."""
    order(account("productai"), 3)
    fakes.fail("productai.create", "drop", times=3)
    hurry()
    return list(ProviderJob.objects.filter(state=JobState.STALLED).order_by("pk"))


def _decide(*arguments: str, json_wanted: bool = False) -> Any:
    target = StringIO()
    call_command("imagery_decide", *arguments, *(["--json"] if json_wanted else []), stdout=target)
    return json.loads(target.getvalue()) if json_wanted else target.getvalue()


def test_the_command_lists_and_decides(three: list[ProviderJob], fakes: Fakes) -> None:
    assert len(three) == 3
    listed = _decide(json_wanted=True)
    assert [(one["id"], one["cost_again"], one["may_be"]) for one in listed] == [(job.pk, "3", []) for job in three]
    assert "It may have been accepted" in _decide()
    assert "1 jobs: given up" in _decide(str(three[0].pk), "--give-up")
    assert _decide("--all", "--send-again", json_wanted=True) == {
        "decided": [job.pk for job in three[1:]],
        "refused": {},
    }
    hurry()
    assert fakes.charged("productai") == 2
    assert _decide() == "No job waits for a decision.\n"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--send-again"], 2),
        (["--all", "--credential", "productai", "--give-up"], 2),
        (["--all", "--is", "41001"], 2),
        (["--credential", "nobody", "--give-up"], 2),
        (["999", "--give-up"], 1),
    ],
)
def test_the_command_refuses_what_is_not_clear(arguments: list[str], code: int, three: list[ProviderJob]) -> None:
    with pytest.raises(CommandError) as refused:
        _decide(*arguments)
    assert refused.value.returncode == code
    assert ProviderJob.objects.filter(state=JobState.STALLED).count() == 3


@pytest.mark.parametrize(("action", "bought"), [("send_again_selected", 3), ("give_up_selected", 0)])
def test_many_are_decided_in_the_admin(
    action: str, bought: int, three: list[ProviderJob], fakes: Fakes, person: Any
) -> None:
    page = reverse("admin:product_imagery_providerjob_changelist")
    sent = {"action": action, "_selected_action": [job.pk for job in three]}
    client = person("*")
    shown = client.post(page, sent).content.decode()
    assert ("may cost 9" in shown) == bool(bought)
    assert ProviderJob.objects.filter(state=JobState.STALLED).count() == 3
    answer = client.post(page, sent | {"confirmed": "1"}, follow=True)
    assert "Decided about 3 requests" in answer.content.decode()
    entries = LogEntry.objects.values_list("object_id", "change_message")
    assert dict(entries) == {str(job.pk): job.decision for job in ProviderJob.objects.filter(decided_by__isnull=False)}
    assert entries.count() == 3
    hurry()
    assert fakes.charged("productai") == bought
    assert not EnhancementItem.objects.filter(status=ItemStatus.STALLED).exists()


def test_who_sees_only_some_products_of_a_request_does_not_decide_about_it(
    three: list[ProviderJob], person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the second request the shop's own admin shows one product and hides another."""
    whole, part, _ = three
    hidden = EnhancementItem.objects.filter(job=three[2])
    keys = list(EnhancementItem.objects.exclude(job=three[2]).values_list("object_id", flat=True))
    hidden.update(job=part)
    host = admin.site.get_model_admin(Product)
    rows = Product.objects.filter(pk__in=keys)
    monkeypatch.setattr(type(host), "get_queryset", lambda *_: rows.all(), raising=False)
    client = person("decide_providerjob", "start_enhancement", "view_product", "change_product")
    page = reverse("admin:product_imagery_providerjob_changelist")
    sent = {"action": "give_up_selected", "_selected_action": [whole.pk, part.pk]}
    shown = client.post(page, sent).content.decode()
    assert "you may not see all of its products" in shown
    assert f'value="{whole.pk}"' in shown
    assert f'value="{part.pk}"' not in shown
    client.post(page, sent | {"confirmed": "1"})
    part.refresh_from_db()
    whole.refresh_from_db()
    assert (whole.state, part.state) == (JobState.FAILED, JobState.STALLED)


def test_the_page_about_many_stays_on_its_admin_site(three: list[ProviderJob], person: Any, settings: Any) -> None:
    urls = [path("admin/", admin.site.urls), path("back/", back.urls)]
    settings.ROOT_URLCONF = type("urls", (), {"urlpatterns": urls})
    page = "/back/product_imagery/providerjob/"
    sent = {"action": "give_up_selected", "_selected_action": [job.pk for job in three]}
    client = person("*")
    shown = client.post(page, sent)
    assert shown.status_code == 200
    assert '="/admin/' not in shown.content.decode()
    assert client.post(page, sent | {"confirmed": "1"}).headers["Location"].startswith("/back/")


def test_who_may_not_decide_is_offered_no_such_action(three: list[ProviderJob], person: Any) -> None:
    page = reverse("admin:product_imagery_providerjob_changelist")
    client = person("cancel_enhancement", "start_enhancement")
    assert "send_again_selected" not in client.get(page).content.decode()
    client.post(page, {"action": "send_again_selected", "_selected_action": three[0].pk, "confirmed": "1"})
    assert ProviderJob.objects.filter(state=JobState.STALLED).count() == 3


def test_the_id_that_a_webhook_named_is_offered(
    stalled: ProviderJob, fakes: Fakes, client: Client, person: Any
) -> None:
    """Nothing was ever accepted with this account before, so whether it is this one is for a person to say."""
    made = fakes.created[0].id
    body = json.dumps({"status": "success", "image_url": "https://files.example/x.png", "job_id": made})
    url = f"/imagery/webhooks/{stalled.credential.webhook_uuid}/"
    assert client.post(url, body, content_type="application/json").status_code == 200
    hurry()
    assert _decide(json_wanted=True)[0]["may_be"] == [made]
    page = person("*").get(reverse("admin:product_imagery_providerjob_change", args=[stalled.pk])).content.decode()
    assert f'value="{made}"' in page
    assert "now read from the provider" in _decide(str(stalled.pk), "--is", made)
    hurry()
    assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED
    assert fakes.charged("productai") == 1


class TestDecisions:
    """A person decides about a stalled job."""

    def test_adopting_collects_without_buying_again(self, stalled: ProviderJob, fakes: Fakes) -> None:
        reconcile.adopt(stalled, f" {fakes.created[0].id} ", None)
        hurry()
        assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED
        assert fakes.charged("productai") == 1

    def test_sending_again_buys_once_more(self, stalled: ProviderJob, fakes: Fakes) -> None:
        reconcile.send_again(stalled, None)
        with pytest.raises(StateError):
            reconcile.send_again(stalled, None)
        hurry()
        assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED
        assert fakes.charged("productai") == 2

    def test_giving_up_fails_the_item(self, stalled: ProviderJob) -> None:
        reconcile.give_up(stalled, None)
        assert EnhancementItem.objects.get().status == ItemStatus.FAILED
        assert Enhancement.objects.get().status == EnhancementStatus.FAILED
