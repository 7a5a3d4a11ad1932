"""Approval rules: approve results without a person, by the same calls as a person's decision.

A rule never approves a result that a person has to see: one whose confidence is below ``REVIEW_BELOW``, with a warning
that its provider calls serious, that breaks a rule of its marketplace, or whose product changed. Left to a person are
also pictures of trials and of cancelled enhancements, and those of which there is more than one to choose from, because
of variants or because one was made again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import partial

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Case, Exists, IntegerField, OuterRef, Q, TextField, Value, When
from django.db.models.functions import Cast

from product_imagery import history
from product_imagery.categories import products_of
from product_imagery.conf import get_settings
from product_imagery.flows.guard import TRANSIENT, attempt
from product_imagery.flows.results import bulk
from product_imagery.flows.results.fidelity import DRIFTED
from product_imagery.flows.results.marketplace import BROKEN
from product_imagery.flows.results.review import Decision
from product_imagery.models import ApprovalRule, ResultImage
from product_imagery.models.result import ResultQuerySet
from product_imagery.products import ProductImages, registered
from product_imagery.provider_kit.registry import all_providers
from product_imagery.rows import text_keys
from product_imagery.states import Review

logger = logging.getLogger("product_imagery")


def fitting(rule: ApprovalRule, results: ResultQuerySet) -> ResultQuerySet:
    """Filter results that wait for a review and that a rule, in use or not, would approve."""
    return _decidable(results).filter(_condition(rule))


def least_confidence(rule: ApprovalRule) -> float:
    """Return the confidence, from 0 to 1, below which a rule approves nothing."""
    return max(rule.least_confidence / 100, get_settings().review_below)


def products(rule: ApprovalRule) -> list[ProductImages]:
    """Return the descriptions of the shop's models that a rule covers; uploads of API clients are not among them."""
    shop = [one for one in registered() if one.model._meta.app_label != "product_imagery"]
    return [one for one in shop if rule.content_type_id in (None, one.content_type().pk)]


def decide(results: Sequence[ResultImage]) -> None:
    """Approve new results that a rule in use fits. They need ``item.enhancement``.

    To be called in the transaction that has created them. A failure, as of the shop's own database, leaves them to a
    person. Raises only errors of a database that may have passed when the transaction is repeated.
    """
    error = attempt(partial(_decide, results))
    if isinstance(error, TRANSIENT):
        raise error
    if error is not None:
        logger.error("Approval rules could not be applied: %d results wait.", len(results), exc_info=error)


@transaction.atomic
def _decide(results: Sequence[ResultImage]) -> None:
    rules = list(ApprovalRule.objects.in_use()) if results else []
    if not rules:
        return
    first = Case(*(When(_condition(rule), then=Value(rule.pk)) for rule in rules), output_field=IntegerField())
    new = _decidable(ResultImage.objects.filter(pk__in=[result.pk for result in results]))
    fits = dict(new.annotate(rule=first).values_list("pk", "rule"))
    for rule in rules:
        mine = [result for result in results if fits.get(result.pk) == rule.pk]
        if mine:
            _approve(mine, rule)


def _approve(results: Sequence[ResultImage], rule: ApprovalRule) -> None:
    decision = Decision(rule=rule.name)
    batch = bulk.approve(results, actor=rule.changed_by, publish=rule.publishes, decision=decision)
    items = [result.item for result in batch.done]
    history.approved_by_rule(rule.changed_by, rule.name, items, publishes=rule.publishes)


def _decidable(results: ResultQuerySet) -> ResultQuerySet:
    """Filter results about which a rule may decide at all."""
    others = ResultImage.objects.filter(item=OuterRef("item")).exclude(pk=OuterRef("pk"))
    results = results.annotate(warnings_text=Cast("warnings", TextField()))
    wanted = {"is_test": False, "is_sandbox": False, "cancelled_at": None, "origin": None}
    open_ = results.filter(~Exists(others), review=Review.PENDING, publication_note="")
    return open_.filter(**{f"enhancement__{name}": value for name, value in wanted.items()})


def _condition(rule: ApprovalRule) -> Q:
    found = Q(confidence__gte=least_confidence(rule))
    found &= _without_serious_warnings() if rule.allows_warnings else Q(warnings=[])
    found &= Q(*_covered(rule), _connector=Q.OR) if products(rule) else Q(pk__in=())
    if rule.preset_id:
        found &= Q(enhancement__preset=rule.preset_id)
    if rule.operation:
        found &= Q(enhancement__operation=rule.operation)
    if rule.credential_id:
        found &= Q(job__credential=rule.credential_id)
    return found


def _covered(rule: ApprovalRule) -> Iterator[Q]:
    """Yield the condition of each model's products that a rule covers; none where their category is gone."""
    for description in products(rule):
        kind = Q(item__content_type=description.content_type())
        if not rule.category:
            yield kind
            continue
        try:
            rows = products_of(description, rule.category)
            yield kind & Q(item__object_id__in=text_keys(rows, ResultImage.objects.db))
        except (LookupError, ValidationError):
            yield Q(pk__in=())


def _without_serious_warnings() -> Q:
    """Return the condition of results without a warning for which their provider, or a marketplace, wants a person."""
    found = Q(pk__in=())
    for slug, provider in all_providers().items():
        mine = Q(job__provider=slug)
        for code in (*provider.review_warnings, BROKEN, DRIFTED):
            mine &= ~Q(warnings_text__contains=f'"{code}"')
        found |= mine
    return found
