"""The spending ledger: reserved with the work, settled with the result, released without one."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from django.db.models import F, Sum
from django.utils import timezone

from product_imagery.exceptions import RequestError
from product_imagery.models import CreditEntry, ProviderCredential, ProviderJob

_Kind = CreditEntry.Kind


def allow(credential: ProviderCredential, total: Decimal, budget: Decimal | None = None) -> None:
    """Make sure that ``total`` fits every budget, under the credential's lock until the transaction ends.

    Raises ``RequestError`` with the code ``over_budget``.
    """
    if not total:
        return
    unit = credential.declared.currency
    if budget is not None and total > budget:
        raise RequestError(
            f"This costs {_plain(total)} {unit}, more than its budget of {_plain(budget)}.", code="over_budget"
        )
    ProviderCredential.objects.filter(pk=credential.pk).update(label=F("label"))
    now = timezone.localtime()
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for most, since, what in (
        (credential.budget_day, day, "today"),
        (credential.budget_month, day.replace(day=1), "this month"),
    ):
        spent = CreditEntry.objects.spent_since(credential, since) if most is not None else Decimal(0)
        if most is not None and spent + total > most:
            left = max(most - spent, Decimal(0))
            sentence = (
                f"This costs {_plain(total)} {unit}, and of the budget of {_plain(most)} {unit} {what} "
                f"{_plain(left)} are left. "
                "Select fewer pictures, or raise the budget."
            )
            raise RequestError(sentence, code="over_budget")


def book(costs: Iterable[tuple[ProviderJob, Decimal]]) -> None:
    """Promise the cost of new jobs, in the transaction that ``allow``ed it."""
    CreditEntry.objects.bulk_create(_entry(job, _Kind.RESERVE, cost) for job, cost in costs if cost)


def settle_cost(job: ProviderJob, cost: Decimal | None) -> None:
    """Correct what was reserved to the real ``cost``; ``None`` leaves it as it was reserved."""
    booked = _booked(job)
    if cost is not None and cost != booked:
        _entry(job, _Kind.SETTLE, cost - booked).save()
    ProviderJob.objects.filter(pk=job.pk).update(cost=booked if cost is None else cost)


def correct(corrections: Iterable[tuple[ProviderJob, Decimal]]) -> None:
    """Add what jobs really cost more, or less, than was promised."""
    CreditEntry.objects.bulk_create(_entry(job, _Kind.SETTLE, amount) for job, amount in corrections)


def release(job: ProviderJob) -> None:
    """Take back what is promised for a job that cost nothing."""
    booked = _booked(job)
    if booked:
        _entry(job, _Kind.RELEASE, -booked).save()
    ProviderJob.objects.filter(pk=job.pk).update(cost=Decimal(0))


def _plain(amount: Decimal) -> str:
    """Without the zeros that a database adds."""
    return f"{amount:f}".rstrip("0").rstrip(".") if "." in f"{amount:f}" else f"{amount:f}"


def _booked(job: ProviderJob) -> Decimal:
    return CreditEntry.objects.filter(job=job).aggregate(total=Sum("amount"))["total"] or Decimal(0)


def _entry(job: ProviderJob, kind: str, amount: Decimal) -> CreditEntry:
    return CreditEntry(
        credential_id=job.credential_id, enhancement_id=job.enhancement_id, job=job, kind=kind, amount=amount
    )
