"""Entries in the admin's history (``LogEntry``) for steps that spend money or change a product or a secret.

Admin, API and commands write them after the step, in the name of the person who asked for it. Without a person, or
without Django's admin in the project, nothing is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from django.apps import apps
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.utils.translation import gettext, ngettext

from product_imagery.models import Enhancement, EnhancementItem, ImageVersion, ProviderJob, ResultImage
from product_imagery.states import ItemStatus

_ADDITION, _CHANGE = 1, 2  #: Django's action flags
_PUBLISHING = frozenset({"publish", "approve_and_publish"})


class Product(NamedTuple):
    """One of the shop's products as an entry names it, without a query to the shop's table."""

    content_type_id: int
    object_id: str
    label: str


def product_of(row: EnhancementItem | ImageVersion) -> Product:
    """Return the product that an item or a version belongs to."""
    return Product(row.content_type_id, row.object_id, row.label)


def record(actor: AbstractBaseUser | None, sentences: Mapping[Model | Product, str], flag: int = _CHANGE) -> None:
    """Write one entry for each object, with its sentence, in a single query; ``flag`` is one of Django's."""
    if actor is None or not apps.is_installed("django.contrib.admin"):
        return
    log_entry: Any = apps.get_model("admin.LogEntry")
    entries = []
    for subject, sentence in sentences.items():
        content_type_id, object_id, label = subject if isinstance(subject, Product) else _named(subject)
        named = {"content_type_id": content_type_id, "object_id": object_id, "object_repr": label[:200]}
        entries.append(log_entry(user_id=actor.pk, action_flag=flag, change_message=sentence, **named))
    log_entry.objects.bulk_create(entries)


def record_each(actor: AbstractBaseUser | None, subjects: Iterable[Model | Product], sentence: str) -> None:
    """Write the same entry for each object."""
    record(actor, dict.fromkeys(subjects, sentence))


def started(actor: AbstractBaseUser | None, enhancement: Enhancement) -> None:
    """Record that an enhancement was started."""
    plain, unseen = gettext("Started."), gettext("Started; its pictures are published without review.")
    record(actor, {enhancement: unseen if enhancement.auto_approve else plain}, _ADDITION)


def cancelled(actor: AbstractBaseUser | None, enhancement: Enhancement, count: int) -> str:
    """Record that items of an enhancement were cancelled; return the sentence."""
    sentence = ngettext("%(n)s picture was cancelled.", "%(n)s pictures were cancelled.", count) % {"n": count}
    if begun := enhancement.items.filter(status=ItemStatus.PROCESSING).count():
        text = ngettext(
            "%(n)s had been begun, and is finished all the same.",
            "%(n)s had been begun, and are finished all the same.",
            begun,
        )
        sentence += " " + text % {"n": begun}
    record(actor, {enhancement: sentence})
    return sentence


def retried(actor: AbstractBaseUser | None, enhancement: Enhancement, count: int, free: int) -> str:
    """Record that items of an enhancement are tried again; return the sentence.

    ``free``: so many of them are paid for and only fetched.
    """
    sentence = ngettext("%(n)s picture is tried again.", "%(n)s pictures are tried again.", count) % {"n": count}
    if free:
        sentence += " " + free_sentence(free)
    record(actor, {enhancement: sentence})
    return sentence


def free_sentence(count: int) -> str:
    """Return a sentence about pictures that are paid for and only fetched."""
    text = ngettext(
        "%(n)s of them is made and paid for already: it is only fetched, which costs nothing.",
        "%(n)s of them are made and paid for already: they are only fetched, which costs nothing.",
        count,
    )
    return text % {"n": count}


def reviewed(actor: AbstractBaseUser | None, step: str, results: Iterable[ResultImage], rule: str = "") -> None:
    """Record a step of the review with the items, their enhancements and, if it publishes, the products.

    ``step`` is ``approve``, ``approve_and_publish``, ``publish``, ``reject``, ``regenerate``, or an undo: ``reopen`` of
    the review, ``withdraw`` of the request to publish. ``rule``: name of the approval rule that was applied, if any.
    """
    items = [result.item for result in results]
    numbers: Counter[Model | Product] = Counter([*items, *(item.enhancement for item in items)])
    if step in _PUBLISHING:
        numbers.update(product_of(item) for item in items)
    record(actor, {subject: review_sentence(step, number, rule) for subject, number in numbers.items()})


def review_sentence(step: str, count: int, rule: str = "") -> str:
    """Return a sentence about a step of the review. Publication itself is left to a worker."""
    if rule:
        return _rule_sentence(step, count, rule)
    sentences = {
        "approve": ngettext("%(n)s picture approved.", "%(n)s pictures approved.", count),
        "reject": ngettext("%(n)s picture rejected.", "%(n)s pictures rejected.", count),
        "reopen": ngettext("%(n)s picture returned to review.", "%(n)s pictures returned to review.", count),
        "withdraw": ngettext("%(n)s picture is not published.", "%(n)s pictures are not published.", count),
        "regenerate": ngettext("%(n)s picture is made again.", "%(n)s pictures are made again.", count),
        "publish": ngettext("%(n)s picture is being published.", "%(n)s pictures are being published.", count),
        "approve_and_publish": ngettext(
            "%(n)s picture approved and being published.", "%(n)s pictures approved and being published.", count
        ),
    }
    return sentences[step] % {"n": count}


def _rule_sentence(step: str, count: int, rule: str) -> str:
    if step in _PUBLISHING:
        text = ngettext(
            "%(n)s picture approved and being published, by the rule “%(rule)s”.",
            "%(n)s pictures approved and being published, by the rule “%(rule)s”.",
            count,
        )
    else:
        text = ngettext(
            "%(n)s picture approved by the rule “%(rule)s”.",
            "%(n)s pictures approved by the rule “%(rule)s”.",
            count,
        )
    return text % {"n": count, "rule": rule}


def approved_unseen(actor: AbstractBaseUser | None, items: Iterable[EnhancementItem]) -> None:
    """Record with the products that pictures were approved as soon as they were made."""
    sentence = gettext("Published without review, as it was asked for at the start.")
    record_each(actor, [product_of(item) for item in items], sentence)


def approved_by_rule(
    actor: AbstractBaseUser | None, rule: str, items: Iterable[EnhancementItem], *, publishes: bool
) -> None:
    """Record with the products, or without a publication with the items, that a rule has approved their pictures."""
    if publishes:
        sentence = gettext("Approved and published without a person, by the rule “%s”.") % rule
        record_each(actor, [product_of(item) for item in items], sentence)
    else:
        record_each(actor, items, gettext("Approved without a person, by the rule “%s”.") % rule)


def restored(actor: AbstractBaseUser | None, versions: Iterable[ImageVersion]) -> None:
    """Record restorations with the versions, their products and the enhancements that they came from."""
    versions = list(versions)
    numbers: Counter[Model | Product] = Counter([*versions, *(product_of(version) for version in versions)])
    numbers.update(version.result.enhancement for version in versions if version.result)
    record(actor, {subject: restored_sentence(number) for subject, number in numbers.items()})


def restored_sentence(count: int) -> str:
    """Return a sentence about restorations."""
    return ngettext("%(n)s picture was put back.", "%(n)s pictures were put back.", count) % {"n": count}


def decided(actor: AbstractBaseUser | None, jobs: Iterable[ProviderJob]) -> None:
    """Record with each job the sentence that its row states about the decision."""
    rows = ProviderJob.objects.filter(pk__in=[job.pk for job in jobs])
    record(actor, {job: job.decision for job in rows})


def _named(subject: Model) -> Product:
    content_type = ContentType.objects.get_for_model(subject, for_concrete_model=False)
    return Product(content_type.pk, str(subject.pk), str(subject))
