"""Pictures of a preset that names a marketplace are judged by its rules, whoever has made them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse

from example_project.shop.models import Product
from product_imagery.flows.enhancements.start import enhance
from product_imagery.flows.results.marketplace import verdict_of
from product_imagery.models import Enhancement, Preset, ResultImage
from product_imagery.products import description_of
from product_imagery.rules.judge import Level
from product_imagery.rules.packs import packs
from product_imagery.states import Publication, Review
from tests.fakes.hosted import Account, hurry
from tests.rules.wrong_files import Shot, good

pytestmark = pytest.mark.django_db
Make = Callable[..., Product]


@pytest.fixture
def larger() -> Preset:
    """A look that needs no model: twice as large, for Amazon."""
    return Preset.objects.create(
        name="larger-amazon", label="Larger, Amazon", operation="upscale", rules="amazon_main", options={"factor": "2"}
    )


def _photo(shot: Shot, folder: Path) -> bytes:
    return shot.write(folder).read_bytes()


def _make(preset: str, **arguments: Any) -> ResultImage:
    call_command("imagery_enhance", "shop.Product", all=True, preset=preset, wait=True, verbosity=0, **arguments)
    return ResultImage.objects.get()


def test_a_picture_that_keeps_the_rules_is_published_without_a_person(
    larger: Preset, make_product: Make, tmp_path: Path
) -> None:
    make_product(content=_photo(replace(good(packs()["amazon_main"]), size=(900, 900)), tmp_path))
    result = _make(larger.name, approve=True)
    verdict = verdict_of(result.report)
    assert verdict is not None
    assert (verdict.pack, verdict.version, verdict.is_broken) == ("amazon_main", packs()["amazon_main"].version, False)
    assert {one.rule for one in verdict.findings} == {rule.measure for rule in packs()["amazon_main"].rules}
    assert (result.warnings, result.publication) == ([], Publication.PUBLISHED)


def test_a_picture_that_breaks_a_rule_waits_for_a_person(
    larger: Preset, make_product: Make, tmp_path: Path, person: Any
) -> None:
    make_product(content=_photo(Shot((900, 900), fill=0.5), tmp_path))
    result = _make(larger.name, approve=True)
    sentence = r"Share of the frame that the product fills: 50[.0-9]* %. Required: at least 85 %."
    assert (result.review, result.publication, result.warnings) == (Review.PENDING, Publication.NONE, ["breaks_rules"])
    assert re.search(sentence, result.publication_note)
    page = person("*").get(reverse("admin:product_imagery_enhancement_review", args=[result.enhancement_id]))
    assert re.search(f'<li class="imagery-warning">{sentence}</li>', page.content.decode())
    assert "breaks_rules" not in page.content.decode()


def test_the_review_page_says_that_rules_are_kept_and_what_is_advised(
    larger: Preset, make_product: Make, tmp_path: Path, person: Any
) -> None:
    make_product(content=_photo(Shot((600, 600)), tmp_path))
    result = _make(larger.name)
    page = person("*").get(reverse("admin:product_imagery_enhancement_review", args=[result.enhancement_id]))
    assert "keeps the rules of Amazon" in page.content.decode()
    assert "Longer side: 1200 px. Advised: at least 1600 px." in page.content.decode()


def test_the_pack_is_that_of_the_start_even_if_the_preset_is_changed(
    larger: Preset, make_product: Make, tmp_path: Path, work: Any
) -> None:
    product = make_product(content=_photo(Shot((900, 900)), tmp_path))
    enhance({description_of(Product): [product.pk]}, preset=larger.name)
    Preset.objects.filter(pk=larger.pk).update(rules="")
    work()
    verdict = verdict_of(ResultImage.objects.get().report)
    assert verdict is not None
    assert verdict.pack == "amazon_main"


def test_without_a_marketplace_nothing_is_judged(make_product: Make) -> None:
    make_product()
    result = _make("larger")
    assert verdict_of(result.report) is None
    assert result.warnings == []


def test_a_pack_that_no_longer_exists_does_not_stop_the_work(larger: Preset, make_product: Make, work: Any) -> None:
    product = make_product()
    enhance({description_of(Product): [product.pk]}, preset=larger.name)
    Enhancement.objects.update(rules="closed_market")
    work()
    assert verdict_of(ResultImage.objects.get().report) is None


def test_pictures_of_hosted_providers_are_judged_as_well(account: Account, make_product: Make) -> None:
    """The stand-in's picture is a small one."""
    account("paqshot")
    product = make_product()
    Preset.objects.filter(name="paqshot-white").update(rules="walmart")
    enhance({description_of(Product): [product.pk]}, preset="paqshot-white", auto_approve=True)
    hurry()
    result = ResultImage.objects.get()
    verdict = verdict_of(result.report)
    assert verdict is not None
    assert "shortest" in {one.rule for one in verdict.at(Level.FAIL)}
    assert (result.review, "breaks_rules" in result.warnings) == (Review.PENDING, True)


@pytest.mark.parametrize("preset", ["amazon", "google-merchant", "walmart", "zalando", "otto", "bol"])
def test_shipped_looks_keep_the_rules_that_they_name(
    preset: str, make_product: Make, model_file: Any, tmp_path: Path
) -> None:
    make_product(content=_photo(Shot((1900, 1500), fill=0.7, ground=(176, 182, 190)), tmp_path))
    verdict = verdict_of(_make(preset).report)
    assert verdict is not None
    assert [one.sentence for one in verdict.at(Level.FAIL)] == []
