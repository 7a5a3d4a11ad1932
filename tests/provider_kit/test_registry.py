"""Providers of other packages: found by their entry points, and harmless where they are broken."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage, Error, Warning
from django.core.management import call_command

from product_imagery.checks.providers import check_providers
from product_imagery.exceptions import RequestError
from product_imagery.provider_kit import registry
from product_imagery.provider_kit.declaration import fault_of_class
from product_imagery.provider_kit.registry import all_providers, get_provider, hosted_providers, provider_choices

Install = Callable[..., None]

SOUND = """
from decimal import Decimal
from product_imagery.provider_kit.contract import Form, Limit, Offer, Operation
from product_imagery.provider_kit.base import HostedProvider
from product_imagery.provider_kit.options import Kind, Option

class Acme(HostedProvider):
    slug, label, base_url = "acme", "Acme", "https://api.acme.example/v1"
    offers = {Operation.UPSCALE: Offer((Option("factor", Kind.INTEGER, 2),), cost=Decimal(1))}
    def submit(self, job): ...
    def poll(self, job): ...
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a distribution with one module and one entry point on the path, as an installer does."""
    modules: list[str] = []

    def put(name: str, source: str, value: str = "", entry: str = "acme") -> None:
        module = name.replace("-", "_")
        folder = tmp_path / name
        information = folder / f"{module}-1.2.dist-info"
        information.mkdir(parents=True)
        (folder / f"{module}.py").write_text(source)
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        points = f"[product_imagery.providers]\n{entry} = {value or f'{module}:Acme'}\n"
        (information / "entry_points.txt").write_text(points)
        monkeypatch.syspath_prepend(str(folder))
        modules.append(module)
        registry.discover.cache_clear()

    yield put
    registry.discover.cache_clear()
    for module in modules:
        sys.modules.pop(module, None)


def _findings() -> list[CheckMessage]:
    return list(check_providers(None))


def _printed(*arguments: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("imagery_providers", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_a_provider_of_another_package_is_like_one_of_ours(install: Install) -> None:
    before = list(all_providers())
    install("acme-imagery", SOUND)
    assert list(all_providers()) == sorted([*before, "acme"])
    assert get_provider("acme").label == "Acme"
    assert "acme" in hosted_providers()
    assert ("acme", "Acme") in provider_choices()
    assert _findings() == []
    facts = {fact["provider"]: fact for fact in json.loads(_printed("--json")[0])}
    assert facts["acme"]["distribution"] == "acme-imagery 1.2"
    assert facts["local"]["distribution"] == ""
    assert "acme [acme-imagery 1.2]: upscale – 1 credits" in _printed()[0]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("raise SystemExit('no licence')", "SystemExit: no licence"),
        ("class Acme: pass", "is not a subclass of"),
        ("Other = 1", "AttributeError"),
        (SOUND + "    slug = 'Acme Ltd'\n", "declares the slug 'Acme Ltd'"),
        (SOUND + "    offers = {}\n", "offers no operation"),
        (SOUND + "    offers = {'enlarge': Offer()}\n", "declares under 'enlarge'"),
        (SOUND + "    submit = HostedProvider.submit\n", "has no method “submit”"),
        (SOUND + "    patience = 600.0\n", "declares the patience 600.0"),
        (SOUND + "    base_url = ''\n", "declares the base address"),
        (SOUND + "    limits = (Limit('requests', 0, 60),)\n", "not a usable limit"),
        (SOUND + "    webhook_headers = ('X-Acme',)\n", "not in lower case"),
        (SOUND + "    offers = {Operation.EDIT: Offer((Option('n', Kind.INTEGER, 9, maximum=3),))}\n", "does not fit"),
        (SOUND + "    offers = {Operation.EDIT: Offer(price=lambda options: options['model'])}\n", "KeyError: 'model'"),
        (SOUND + "    def __init__(self, account): ...\n", "TypeError"),
    ],
)
def test_a_broken_one_is_a_warning_and_stops_nothing(source: str, reason: str, install: Install) -> None:
    before = list(all_providers())
    install("acme-imagery", source)
    assert list(all_providers()) == before
    (finding,) = _findings()
    assert isinstance(finding, Warning)
    assert finding.id == "product_imagery.W012"
    assert finding.msg.startswith("acme-imagery 1.2, entry point “acme”: ")
    assert reason in finding.msg
    table, problems = _printed()
    assert "fill: a number from 0.2 to 1" in table
    assert reason in problems
    with pytest.raises(RequestError, match="There is no provider “acme”"):
        get_provider("acme")


def test_a_slug_that_exists_twice_is_an_error_that_names_both(install: Install) -> None:
    install("acme-imagery", SOUND.replace('"acme"', '"paqshot"'))
    install("b-imagery", SOUND, entry="one")
    install("c-imagery", SOUND, entry="two")
    ours, theirs = _findings()
    assert (type(ours), ours.id) == (Error, "product_imagery.E005")
    assert "product_imagery.providers.paqshot.provider, is used" in ours.msg
    assert "acme-imagery 1.2, entry point “acme”, is not" in ours.msg
    assert "b-imagery 1.2, entry point “one”, is used; c-imagery 1.2, entry point “two”, is not." in theirs.msg
    assert get_provider("paqshot").__module__ == "product_imagery.providers.paqshot.provider"
    assert get_provider("acme").__module__ == "b_imagery"


def test_one_that_breaks_the_listing_is_left_out_of_it(install: Install) -> None:
    broken = "    key_prefixes = ('ac_',)\n    def environment(self, key): raise RuntimeError('no such key')\n"
    install("acme-imagery", SOUND + broken)
    table, problems = _printed()
    assert "acme" not in table
    assert "paqshot: white_background" in table
    assert "acme-imagery 1.2, provider “acme”: RuntimeError: no such key" in problems


def test_a_broken_one_of_ours_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    registry.discover.cache_clear()
    monkeypatch.setitem(sys.modules, "product_imagery.providers.paqshot.provider", None)
    try:
        with pytest.raises(ImportError):
            all_providers()
    finally:
        registry.discover.cache_clear()


@pytest.mark.parametrize("slug", list(all_providers()))
def test_the_declarations_of_ours_are_sound(slug: str) -> None:
    assert fault_of_class(get_provider(slug)) == ""


def test_what_is_no_class_is_no_provider() -> None:
    values: list[Any] = [None, "acme", object(), dict]
    assert all("is not a subclass" in fault_of_class(value) for value in values)
