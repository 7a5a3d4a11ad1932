"""The channels to hosted providers: command, admin pages, forecast."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.db.models import Sum
from django.test import Client
from django.urls import reverse

from example_project.shop.models import Product
from product_imagery.flows.enhancements.batching import batch_sizes
from product_imagery.flows.enhancements.estimate import estimate_seconds
from product_imagery.flows.enhancements.specs import spec_of_operation
from product_imagery.flows.hosted import failures
from product_imagery.models import CreditEntry, Enhancement, EnhancementItem, ProviderCredential, ProviderJob
from product_imagery.states import EnhancementStatus, ItemStatus, JobState
from tests.admin.pages import press_start
from tests.fakes.hosted import OPERATIONS, Account, hurry
from tests.fakes.server import KEYS, Fakes

pytestmark = pytest.mark.django_db

Person = Callable[..., Client]


def _run(*arguments: str) -> str:
    target = StringIO()
    call_command(*arguments, stdout=target)
    return target.getvalue()


class TestCredentialCommand:
    """``imagery_credential``."""

    def test_from_the_shell_to_a_picture(
        self, fakes: Fakes, make_product: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OUR_KEY", KEYS["paqshot"])
        told = _run(
            "imagery_credential",
            "add",
            "paqshot",
            "Main",
            "--base-url",
            f"{fakes.base}/paqshot",
            "--key-env",
            "OUR_KEY",
        )
        assert "••••0001" in told
        assert KEYS["paqshot"] not in told
        assert "Paqshot accepts the key" in _run("imagery_credential", "check", "Main")
        make_product()
        _run(
            "imagery_enhance",
            "shop.Product",
            "--all",
            "--preset",
            "paqshot-white",
            "--credential",
            "Main",
            "--budget",
            "1",
        )
        hurry()
        assert Enhancement.objects.get().status == EnhancementStatus.COMPLETED
        assert fakes.charged("paqshot") == 1

    @pytest.mark.parametrize("provider", sorted(OPERATIONS))
    def test_waiting_until_the_pictures_are_on_the_products(
        self, provider: str, account: Account, fakes: Fakes, make_product: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        module = importlib.import_module(f"product_imagery.providers.{provider}.provider")
        for name in ("_FIRST_LOOK", "_NEXT_LOOK"):
            monkeypatch.setattr(module, name, 0.1, raising=False)
        account(provider)
        products = [make_product(sku=f"wait-{number}") for number in range(2)]
        options = ["--option", "image_folder=shop"] if provider == "pergai" else []
        command = ["imagery_enhance", "shop.Product", "--all", "--operation", OPERATIONS[provider], *options]
        _run(*command, "--credential", provider, "--approve", "--wait")
        for product in products:
            product.refresh_from_db()
            assert product.enhanced_photo.size > 0
        assert fakes.charged(provider) == 2
        assert CreditEntry.objects.aggregate(total=Sum("amount"))["total"] == sum(one.cost for one in fakes.created)

    @pytest.mark.parametrize(
        ("trouble", "sentence"),
        [
            ("lost", "0 completed, 0 failed, 1 stalled.*It may have been accepted.*imagery_decide"),
            ("paused", "0 completed, 0 failed, 1 open.*wait for the account “productai” \\(paused by hand\\)"),
        ],
    )
    def test_waiting_ends_when_it_is_a_person_s_turn(
        self, trouble: str, sentence: str, account: Account, fakes: Fakes, make_product: Any, monkeypatch: Any
    ) -> None:
        credential = account("productai")
        make_product()
        told = StringIO()
        command = ["imagery_enhance", "shop.Product", "--all", "--operation", "scene", "--credential", "productai"]
        if trouble == "lost":
            monkeypatch.setattr(failures, "_GRACE", 0.1)
            fakes.fail("productai.create", "lose")
        elif trouble == "paused":
            credential.pause("paused by hand", stops_reads=True)
        with pytest.raises(SystemExit) as ended:
            call_command(*command, "--wait", stdout=told)
        assert ended.value.code == 1
        assert re.search(sentence, told.getvalue(), re.DOTALL)

    def test_what_is_wrong_is_said(self, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
        account("aigenstudio", key="aigen_live_wrong_key_1")
        with pytest.raises(CommandError, match="1 of 1"):
            _run("imagery_credential", "check")
        for arguments, sentence in (
            (["add", "paqshot", "New", "--key-env", "NOT_SET"], "NOT_SET is empty"),
            (["add", "paqshop", "New"], "no provider “paqshop”"),
            (["add", "paqshot", "aigenstudio"], "is an account at AI Gen Studio"),
            (["resume", "Nobody"], "There is no account “Nobody”"),
        ):
            with pytest.raises(CommandError, match=sentence):
                _run("imagery_credential", *arguments)
        assert ProviderCredential.objects.count() == 1

    def test_pause_resume_rotate_and_list(self, account: Account) -> None:
        account("aigenstudio")
        _run("imagery_credential", "pause", "aigenstudio")
        assert json.loads(_run("imagery_credential", "list", "--json"))[0]["state"] == "paused by hand"
        _run("imagery_credential", "resume", "aigenstudio")
        assert ProviderCredential.objects.get().paused_at is None
        assert "1 accounts" in _run("imagery_credential", "rotate")
        assert "(live)" in _check(account)


def _check(_account: Account) -> str:
    return _run("imagery_credential", "check", "aigenstudio")


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


def test_the_merchant_sees_how_long_the_limits_make_it(account: Account) -> None:
    credential = account("aigenstudio")
    spec = spec_of_operation("white_background", {}, credential)
    assert batch_sizes(credential) == [13, 12]
    seconds = estimate_seconds(credential, spec.operation, spec.offer, 1000)
    assert timedelta(hours=38) < timedelta(seconds=seconds) < timedelta(hours=42)
    assert estimate_seconds(credential, spec.operation, spec.offer, 5) < 300
    assert Product.objects.count() == 0
