"""``imagery_credential``, from a new account to pictures."""

from __future__ import annotations

import importlib
import json
import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum

from product_imagery.flows.hosted import failures
from product_imagery.models import CreditEntry, Enhancement, ProviderCredential
from product_imagery.states import EnhancementStatus
from tests.fakes.hosted import OPERATIONS, Account, hurry
from tests.fakes.server import KEYS, Fakes

pytestmark = pytest.mark.django_db


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
            monkeypatch.setattr(failures, "GRACE_SECONDS", 0.1)
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
