"""Approval rules: results that come in are approved as a rule says, and never one that a person has to see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from example_project.shop.models import Collection, CollectionPhoto, Product
from product_imagery import categories
from product_imagery.exceptions import RegistrationError
from product_imagery.flows.results import approval_rules, bulk, review
from product_imagery.flows.results.fetch import Stored
from product_imagery.flows.results.marketplace import BROKEN
from product_imagery.flows.results.record import record_results
from product_imagery.flows.results.review import Decision
from product_imagery.models import (
    ApprovalRule,
    Enhancement,
    ImageVersion,
    Preset,
    ProviderCredential,
    ProviderJob,
    ResultImage,
)
from product_imagery.products import ProductImages, description_of, register, unregister
from product_imagery.provider_kit.outcomes import Picture
from product_imagery.rules.judge import Finding, Level
from product_imagery.states import Publication, Review

pytestmark = pytest.mark.django_db

_FILE = {"format": "PNG", "width": 9, "height": 8, "size": 7, "sha256": "0" * 64}
_APPROVED, _WAITS = (Review.APPROVED, Publication.NONE), (Review.PENDING, Publication.NONE)
_ON_ITS_WAY = (Review.APPROVED, Publication.WAITING)


@pytest.fixture
def come_in(make_product: Any, enlarge: Any) -> Callable[..., list[ResultImage]]:
    """Let pictures come in for a new product, or for the last job once more."""

    def record(*pictures: dict[str, Any], fields: Any = None, again: bool = False, **how: Any) -> list[ResultImage]:
        if not again:
            number = Product.objects.count()
            enlarge(make_product(sku=f"r{number}", **(fields or {})), **how)
        job = ProviderJob.objects.latest("pk")
        items = list(job.items.all())
        stored = [
            Stored(Picture(items[0].pk, _FILE, _FILE, **facts), f"{job.pk}-{n}.png", f"{n}-small.webp")
            for n, facts in enumerate(pictures or ({},))
        ]
        record_results([(job, items, stored)])
        return list(ResultImage.objects.filter(job=job).order_by("pk"))

    return record


ComeIn = Callable[..., list[ResultImage]]


def _rule(name: str = "Sure ones", **conditions: Any) -> ApprovalRule:
    rule = ApprovalRule(name=name, **conditions)
    rule.full_clean()
    rule.save()
    return rule


def _states(results: list[ResultImage]) -> list[tuple[str, str]]:
    return [(one.review, one.publication) for one in results]


def test_without_a_rule_everything_waits(come_in: ComeIn) -> None:
    assert _states(come_in()) == [_WAITS]


def test_a_rule_approves_in_the_name_of_who_has_saved_it(come_in: ComeIn) -> None:
    author = get_user_model().objects.create_user("anna")
    _rule(changed_by=author)
    (result,) = come_in()
    assert _states([result]) == [_APPROVED]
    assert (result.approved_by_rule, result.reviewed_by) == ("Sure ones", author)
    assert result.decision is not None


def test_a_rule_that_publishes_puts_the_picture_on_its_product(make_product: Any, enlarge: Any, work: Any) -> None:
    _rule(publishes=True)
    product = make_product()
    enlarge(product)
    work()
    product.refresh_from_db()
    assert product.enhanced_photo
    assert ResultImage.objects.get().approved_by_rule == "Sure ones"


@pytest.mark.parametrize(
    ("conditions", "facts", "fits"),
    [
        ({}, {"confidence": 0.8}, True),
        ({}, {"confidence": 0.79}, False),
        ({"least_confidence": 95}, {"confidence": 0.95}, True),
        ({"least_confidence": 95}, {"confidence": 0.94}, False),
        ({}, {"warnings": ("enlarged",)}, False),
        ({"allows_warnings": True}, {"warnings": ("enlarged", "soft_matte")}, True),
        # what a person has to see, whatever a rule says
        ({"least_confidence": 0}, {"confidence": 0.49}, False),
        ({"least_confidence": 0}, {"confidence": 0.5}, True),
        ({"allows_warnings": True}, {"warnings": ("low_contrast",)}, False),
        ({"allows_warnings": True}, {"warnings": ("enlarged", "unsure_what_the_product_is")}, False),
    ],
)
def test_confidence_and_warnings(conditions: Any, facts: Any, fits: bool, come_in: ComeIn) -> None:
    _rule(publishes=True, **conditions)
    assert _states(come_in(facts)) == [_ON_ITS_WAY if fits else _WAITS]


def test_a_rule_and_the_option_of_an_enhancement_hold_the_same_pictures_back(come_in: ComeIn) -> None:
    """They are two ways to the same: what the option may not approve no rule approves."""
    from product_imagery.provider_kit.registry import get_provider

    rule = _rule(is_active=False, least_confidence=0, allows_warnings=True)
    codes = get_provider("local").warning_texts
    finding = Finding("readable", Level.FAIL, "The picture cannot be read.").as_dict()
    refused = {"report": {"rules": {"pack": "amazon", "version": 1, "findings": [finding]}}, "warnings": (BROKEN,)}
    cases = [refused, *({"warnings": (code,)} for code in codes)] + [{"confidence": value / 20} for value in range(21)]
    by_option = [come_in(facts, auto_approve=True)[0].review == Review.APPROVED for facts in cases]
    waiting = [come_in(facts)[0].pk for facts in cases]
    fits = set(approval_rules.fitting(rule, ResultImage.objects.all()).values_list("pk", flat=True))
    assert [pk in fits for pk in waiting] == by_option
    assert len(set(by_option)) == 2


def test_the_floor_of_the_site_holds_for_a_rule_too(come_in: ComeIn, settings: Any) -> None:
    _rule(least_confidence=60)
    settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "REVIEW_BELOW": 0.9}
    assert _states(come_in({"confidence": 0.89}) + come_in({"confidence": 0.9})) == [_WAITS, _APPROVED]


def test_look_operation_and_credential(come_in: ComeIn) -> None:
    preset, other = Preset.objects.filter(operation="upscale").get(), Preset.objects.exclude(operation="upscale")[0]
    (first,) = come_in()
    credential = first.enhancement.credential
    another = ProviderCredential.objects.create(provider="local", label="Another")
    Enhancement.objects.update(preset=preset)
    cases = {
        True: [{"preset": preset}, {"operation": "upscale"}, {"credential": credential}],
        False: [{"preset": other}, {"operation": "scene"}, {"credential": another}],
    }
    for fits, conditions in cases.items():
        for one in conditions:
            rule = ApprovalRule(name="x", **one)
            assert approval_rules.fitting(rule, ResultImage.objects.all()).exists() == fits, one


def test_products_by_model_and_category(come_in: ComeIn, gallery: Collection, enlarge: Any) -> None:
    kind = ContentType.objects.get_for_model(Product)
    _rule("Mugs", content_type=kind, category="Mugs")
    mugs, lamps = come_in(fields={"category": "Mugs"}), come_in(fields={"category": "Lamps"})
    assert _states(mugs + lamps) == [_APPROVED, _WAITS]
    ApprovalRule.objects.all().delete()
    _rule("Collections", content_type=ContentType.objects.get_for_model(Collection))
    assert _states(come_in()) == [_WAITS]
    enlarge(gallery)
    assert _states(come_in(again=True)) == [_APPROVED]


def test_categories_can_be_related_rows(come_in: ComeIn, gallery: Collection, enlarge: Any) -> None:
    class PhotosByCollection(ProductImages):
        source = "image"
        category = "collection"

    register(CollectionPhoto)(PhotosByCollection)
    try:
        description, kind = description_of(CollectionPhoto), ContentType.objects.get_for_model(CollectionPhoto)
        assert categories.choices(description) == [(str(gallery.pk), "Summer")]
        with pytest.raises(ValidationError, match="must be an integer"):
            _rule(content_type=kind, category="Summer")
        rule = _rule(content_type=kind, category=str(gallery.pk))
        enlarge(gallery.photos.all()[0])
        assert _states(come_in(again=True)) == [_APPROVED]
        ApprovalRule.objects.filter(pk=rule.pk).update(category="999")
        enlarge(gallery.photos.all()[1])
        assert _states(come_in(again=True)) == [_WAITS]
    finally:
        unregister(CollectionPhoto)


@pytest.mark.parametrize(
    ("conditions", "says"),
    [
        ({"category": "Mugs"}, "imagery_rule_category_of_model"),
        ({"least_confidence": 101}, "less than or equal to 100"),
        ({"operation": "scene", "preset": "upscale"}, "is another operation"),
        ({"content_type": Collection, "category": "Mugs"}, "These products have no categories."),
        ({"content_type": Preset}, "is not registered"),
    ],
)
def test_a_rule_that_could_cover_nothing_is_refused(conditions: Any, says: str, db: None) -> None:
    if "preset" in conditions:
        conditions = {**conditions, "preset": Preset.objects.filter(operation=conditions["preset"])[0]}
    if "content_type" in conditions:
        conditions = {**conditions, "content_type": ContentType.objects.get_for_model(conditions["content_type"])}
    with pytest.raises(ValidationError, match=says):
        _rule(**conditions)


def test_a_description_that_is_gone_or_has_no_categories_any_more_covers_nothing(
    come_in: ComeIn, one_field: None
) -> None:
    """A rule never covers more because something else was changed."""
    kind = ContentType.objects.get_for_model(Product)
    ApprovalRule.objects.create(name="Mugs", content_type=kind, category="Mugs")
    assert _states(come_in(fields={"category": "Mugs"})) == [_WAITS]
    ApprovalRule.objects.create(name="Products", content_type=kind)
    former = type(description_of(Product))
    results = come_in(fields={"category": "Mugs"})
    assert _states(results) == [_APPROVED]
    review.return_to_review(results[0])
    unregister(Product)
    try:
        rule = ApprovalRule.objects.get(name="Products")
        assert not approval_rules.fitting(rule, ResultImage.objects.all()).exists()
        with pytest.raises(RegistrationError):
            description_of(Product)
    finally:
        register(Product)(former)


def test_a_rule_goes_with_its_look(come_in: ComeIn) -> None:
    preset = Preset.objects.create(name="own", label="Own", operation="upscale")
    rule = _rule("Own look", preset=preset)
    (result,) = come_in()
    Enhancement.objects.update(preset=preset)
    assert list(approval_rules.fitting(rule, ResultImage.objects.all())) == [result]
    bulk.approve(
        list(ResultImage.objects.select_related("item__enhancement")),
        actor=None,
        publish=False,
        decision=Decision(rule=rule.name),
    )
    preset.delete()
    assert not ApprovalRule.objects.exists()
    assert _states(come_in()) == [_WAITS]
    result.refresh_from_db()
    assert result.approved_by_rule == "Own look"  # what it has decided stays written


def test_a_rule_that_was_switched_off_meanwhile_decides_nothing(make_product: Any, enlarge: Any, work: Any) -> None:
    rule = _rule()
    enlarge(make_product())
    ApprovalRule.objects.filter(pk=rule.pk).update(is_active=False)
    work()
    assert _states(list(ResultImage.objects.all())) == [_WAITS]


def test_of_two_rules_the_one_that_publishes_decides_then_the_older_one(come_in: ComeIn) -> None:
    _rule("First")
    _rule("Second")
    assert [one.approved_by_rule for one in come_in()] == ["First"]
    _rule("Third", publishes=True, least_confidence=90)
    sure, less = come_in({"confidence": 0.9}), come_in({"confidence": 0.85})
    assert [one.approved_by_rule for one in sure + less] == ["Third", "First"]
    assert _states(sure + less) == [_ON_ITS_WAY, _APPROVED]


def test_where_there_is_something_to_choose_a_person_chooses(come_in: ComeIn) -> None:
    _rule(publishes=True)
    assert _states(come_in({}, {})) == [_WAITS, _WAITS]
    (first,) = come_in()
    review.return_to_review(first)
    review.reject(first, actor=None)
    again = come_in(again=True)
    assert _states(again) == [(Review.REJECTED, Publication.NONE), _WAITS]


def test_trials_and_what_was_cancelled_wait(come_in: ComeIn) -> None:
    rule = _rule(publishes=True, is_active=False)
    results = come_in() + come_in() + come_in()
    for result, changes in zip(
        results, ({"is_test": True}, {"is_sandbox": True}, {"cancelled_at": Now()}), strict=True
    ):
        Enhancement.objects.filter(pk=result.enhancement_id).update(**changes)
    assert not approval_rules.fitting(rule, ResultImage.objects.all()).exists()


def test_the_option_of_the_enhancement_comes_first(come_in: ComeIn) -> None:
    _rule()
    (result,) = come_in(auto_approve=True)
    assert (_states([result]), result.approved_by_rule) == ([_ON_ITS_WAY], "")


def test_an_undone_approval_waits_for_a_person(come_in: ComeIn, work: Any) -> None:
    _rule(publishes=True)
    (result,) = come_in()
    review.return_to_review(result)
    work()
    result.refresh_from_db()
    assert (_states([result]), result.approved_by_rule) == ([_WAITS], "")
    assert not ImageVersion.objects.exists()


def test_products_have_the_rule_in_their_history(come_in: ComeIn) -> None:
    from django.contrib.admin.models import LogEntry

    author = get_user_model().objects.create_user("anna")
    _rule(changed_by=author, publishes=True)
    (result,) = come_in()
    entry = LogEntry.objects.get(object_id=result.item.object_id, user=author)
    assert entry.change_message == "Approved and published without a person, by the rule “Sure ones”."


def test_the_number_of_queries_does_not_depend_on_that_of_results(make_product: Any, enlarge: Any) -> None:
    _rule(publishes=True, changed_by=get_user_model().objects.create_user("anna"))
    counts = []
    for number in (1, 5):
        enlarge(*(make_product(sku=f"{number}-{n}") for n in range(number)))
        jobs = list(ProviderJob.objects.order_by("-pk")[:number])
        done = [
            (job, [item], [Stored(Picture(item.pk, _FILE, _FILE), f"{job.pk}.png", "small.webp")])
            for job in jobs
            for item in job.items.all()
        ]
        with CaptureQueriesContext(connection) as queries:
            record_results(done)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert {one.approved_by_rule for one in ResultImage.objects.all()} == {"Sure ones"}


def test_results_are_kept_where_a_rule_cannot_be_applied(
    come_in: ComeIn, caplog: pytest.LogCaptureFixture, one_field: None
) -> None:
    """Code of the shop may raise: the picture is there all the same, and waits for a person."""

    class Broken(ProductImages):
        source = "photo"
        target = "enhanced_photo"
        raises = False

        @property
        def category(self) -> str:  # type: ignore[override]
            if self.raises:
                raise RuntimeError("the shop's own code")
            return "category"

    unregister(Product)
    register(Product)(Broken)
    _rule(content_type=ContentType.objects.get_for_model(Product), category="Mugs")
    assert _states(come_in(fields={"category": "Mugs"})) == [_APPROVED]
    Broken.raises = True
    (result,) = come_in(fields={"category": "Mugs"})
    assert _states([result]) == [_WAITS]
    assert "Approval rules could not be applied" in caplog.text
