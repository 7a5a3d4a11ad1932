"""Steps of commands are in the admin's history, in the name of the person whom ``--user`` names."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from product_imagery.models import Enhancement, ResultImage

pytestmark = pytest.mark.django_db

Make = Callable[..., Any]


@pytest.fixture
def ann() -> Any:
    """A person of the shop."""
    return get_user_model().objects.create_user("ann")


def _run(*arguments: str) -> None:
    call_command(*arguments, stdout=io.StringIO(), stderr=io.StringIO())


def _told() -> list[tuple[str, str]]:
    rows = LogEntry.objects.order_by("pk").values_list("user__username", "content_type__model", "change_message")
    return [(user, f"{model}: {sentence}") for user, model, sentence in rows]


def test_steps_stand_in_the_history_of_the_person(make_product: Make, ann: Any, work: Callable[[], Any]) -> None:
    make_product()
    _run("imagery_enhance", "shop.Product", "--all", "--preset", "larger", "--user", "ann")
    number = str(Enhancement.objects.get().pk)
    _run("imagery_cancel", number, "--user", "ann")
    _run("imagery_retry", number, "--user", "ann")
    work()
    ResultImage.objects.update(review="approved")
    _run("imagery_publish", number, "--user", "ann")
    of_enhancement = [sentence for user, sentence in _told() if user == "ann" and sentence.startswith("enhancement:")]
    assert of_enhancement == [
        "enhancement: Started.",
        "enhancement: 1 picture was cancelled.",
        "enhancement: 1 picture is tried again.",
        "enhancement: 1 picture is being published.",
    ]
    assert ("ann", "product: 1 picture is being published.") in _told()
    assert Enhancement.objects.get().actor == ann


def test_without_a_person_nothing_is_written(make_product: Make) -> None:
    make_product()
    _run("imagery_enhance", "shop.Product", "--all", "--preset", "larger")
    assert Enhancement.objects.get().actor is None
    assert _told() == []


def test_an_unknown_person_is_refused_before_anything_is_started(make_product: Make) -> None:
    make_product()
    with pytest.raises(CommandError, match="There is no user “bob”"):
        _run("imagery_enhance", "shop.Product", "--all", "--preset", "larger", "--user", "bob")
    assert not Enhancement.objects.exists()
