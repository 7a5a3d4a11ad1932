"""The spending ledger: reserved with the work, settled with the result, released without one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from product_imagery.exceptions import RequestError
from product_imagery.models import ApiKey, CreditEntry, Enhancement, Preparation, ProviderCredential, ProviderJob
from product_imagery.provider_kit.registry import get_offer

_Kind = CreditEntry.Kind
_EVER = datetime(1970, 1, 1, tzinfo=UTC)  #: two clocks date an enhancement and its entries: all of them are its own
_LESS = "Select fewer pictures, or raise the budget."
_ANEW = "Start these products anew, with a budget of their own."


def allow(
    credential: ProviderCredential,
    total: Decimal,
    budget: Decimal | None = None,
    key: ApiKey | None = None,
    earlier: Enhancement | None = None,
) -> None:
    """Make sure that ``total`` fits every budget, under the locks of account and key until the transaction ends.

    ``budget`` is that of a new enhancement; of one that is there ``earlier``, what it has spent counts.

    Raises ``RequestError`` with the code ``over_budget``, or ``budget_invalid`` for what is no amount.
    """
    if budget is not None and not (budget.is_finite() and budget >= 0):
        raise RequestError("A budget is a number from 0.", code="budget_invalid")
    if total <= 0:
        return
    unit = credential.declared.currency
    if budget is not None and total > budget:
        raise RequestError(
            f"This costs {_plain(total)} {unit}, more than its budget of {_plain(budget)}.", code="over_budget"
        )
    ProviderCredential.objects.lock(credential.pk)
    day = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    of_account: dict[str, Any] = {"credential": credential}
    budgets: list[tuple[Decimal | None, dict[str, Any], datetime, str, str]] = [
        (credential.budget_day, of_account, day, "today", _LESS),
        (credential.budget_month, of_account, day.replace(day=1), "this month", _LESS),
    ]
    if earlier is not None:
        its_own = {"enhancement": earlier}
        budgets.append((earlier.budget, its_own, _EVER, "of this enhancement", _ANEW))
    if key is not None and key.budget_day is not None:
        ApiKey.objects.lock(key.pk)
        of_key = {"enhancement__api_key": key}
        budgets.append((key.budget_day, of_key, day, "for this key today", _LESS))
    for most, whose, since, what, advice in budgets:
        spent = _spent(whose, since) if most is not None else Decimal(0)
        if most is not None and spent + total > most:
            left = max(most - spent, Decimal(0))
            sentence = (
                f"This costs {_plain(total)} {unit}, and of the budget of {_plain(most)} {unit} {what} "
                f"{_plain(left)} are left. {advice}"
            )
            raise RequestError(sentence, code="over_budget")


def _spent(whose: dict[str, Any], since: datetime) -> Decimal:
    """What is booked on jobs, and what is promised for those that are still being made."""
    of_preparation = {name.replace("credential", "enhancement__credential"): one for name, one in whose.items()}
    promised = Preparation.objects.filter(**of_preparation, created_at__gte=since).promised()
    return promised + CreditEntry.objects.filter(**whose).spent_on_work_since(since)


def order(
    enhancement: Enhancement, orders: Sequence[tuple[dict[str, Any], Decimal]], at: datetime | None = None
) -> list[ProviderJob]:
    """Make one job for each order, options and cost, and promise the cost: in the transaction that ``allow``ed it.

    ``at`` is when that was, if it was earlier: the cost belongs to that day.
    """
    credential = enhancement.credential
    jobs = ProviderJob.objects.bulk_create(
        ProviderJob(
            enhancement=enhancement,
            credential=credential,
            provider=credential.provider,
            operation=enhancement.operation,
            options=options,
        )
        for options, _ in orders
    )
    promised = [(job, cost) for job, (_, cost) in zip(jobs, orders, strict=True) if cost]
    entries = [_entry(job, _Kind.RESERVE, cost) for job, cost in promised]
    if at is not None:
        for entry in entries:
            entry.at = at
    CreditEntry.objects.bulk_create(entries)
    return jobs


def settle_costs(costs: Sequence[tuple[ProviderJob, Decimal | None]], kind: str = _Kind.SETTLE) -> None:
    """Correct what was reserved to the real costs; ``None`` leaves one as it was. The caller saves each ``cost``."""
    jobs = [job for job, _ in costs]
    booked = CreditEntry.objects.booked(jobs)
    corrections = []
    for job, cost in costs:
        promised = booked.get(job.pk, Decimal(0))
        job.cost = promised if cost is None else cost
        if job.cost != promised:
            corrections.append(_entry(job, kind, job.cost - promised))
    CreditEntry.objects.bulk_create(corrections)


def settle_and_save(costs: Sequence[tuple[ProviderJob, Decimal | None]]) -> None:
    """Do the same, and save the costs."""
    if costs:
        settle_costs(costs)
        ProviderJob.objects.write_each([job for job, _ in costs], "cost")


def release(jobs: Sequence[ProviderJob]) -> None:
    """Take back what is promised for jobs that cost nothing."""
    settle_costs([(job, Decimal(0)) for job in jobs], _Kind.RELEASE)
    ProviderJob.objects.filter(pk__in=[job.pk for job in jobs]).update(cost=Decimal(0))


def order_again(
    enhancement: Enhancement,
    orders: Sequence[tuple[dict[str, Any], int]],
    promised: Decimal = Decimal(0),
    at: datetime | None = None,
) -> list[ProviderJob]:
    """New jobs for pictures that are made once more, booked: each by its options and its number of pictures.

    So much was ``promised`` for them before. Raises ``RequestError`` over a budget, or when it is forgotten what was
    asked for.
    """
    priced = price_again(enhancement, orders)
    total = sum((cost for _, cost in priced), Decimal(0))
    allow(enhancement.credential, total - promised, key=enhancement.api_key, earlier=enhancement)
    return order(enhancement, priced, at)


def price_again(
    enhancement: Enhancement, orders: Sequence[tuple[dict[str, Any], int]]
) -> list[tuple[dict[str, Any], Decimal]]:
    """Options and cost of pictures that are made once more. Raises ``RequestError`` when they are forgotten."""
    if enhancement.forgotten_at:
        sentence = "What was asked for has been forgotten, as RETENTION_DAYS says. Start the products anew."
        raise RequestError(sentence, code="forgotten")
    offer = get_offer(enhancement.credential.declared, enhancement.operation)

    def cost(options: dict[str, Any]) -> Decimal:
        if enhancement.is_sandbox:
            return Decimal(0)
        return enhancement.credential.cost_of(enhancement.operation, offer, options)

    return [(options, cost(options) * pictures) for options, pictures in orders]


def _plain(amount: Decimal) -> str:
    """Without the zeros that a database adds."""
    return f"{amount:f}".rstrip("0").rstrip(".") if "." in f"{amount:f}" else f"{amount:f}"


def _entry(job: ProviderJob, kind: str, amount: Decimal) -> CreditEntry:
    return CreditEntry(
        credential_id=job.credential_id, enhancement_id=job.enhancement_id, job=job, kind=kind, amount=amount
    )
