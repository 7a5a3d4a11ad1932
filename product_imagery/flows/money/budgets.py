"""Budgets and the ledger: costs are reserved with the work, settled with the result, released without one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from product_imagery.exceptions import RequestError
from product_imagery.models import ApiKey, CreditEntry, Enhancement, Preparation, ProviderCredential, ProviderJob
from product_imagery.provider_kit.registry import get_offer

_Kind = CreditEntry.Kind
_EVER = datetime(1970, 1, 1, tzinfo=UTC)  #: not when the enhancement was made: another clock dates its entries


@dataclass(frozen=True)
class _Budget:
    """An upper bound, and what is left of it; both are ``None`` where there is none."""

    most: Decimal | None
    left: Decimal | None
    name: str
    advice: str = gettext_noop("Select fewer pictures, or raise the budget.")


@dataclass(frozen=True)
class Left:
    """Rest of the budgets of an account for the day and the month; ``None`` where there is none."""

    day: Decimal | None
    month: Decimal | None


def allow(
    credential: ProviderCredential,
    total: Decimal,
    budget: Decimal | None = None,
    key: ApiKey | None = None,
    earlier: Enhancement | None = None,
) -> None:
    """Make sure that ``total`` fits every budget. Locks account and key until the transaction ends.

    ``budget``: of a new enhancement, for itself. ``earlier``: an existing one, with what it has spent so far. Raises
    ``RequestError`` with the code ``over_budget``, or ``budget_invalid`` for a budget that is no amount.

    Two requests for 6.00 each, on an account with a budget of 10.00 a day::

        request A                                  request B
        lock the account
        0.00 + 6.00 fit                            wait for the lock
        write the reservation, commit              lock the account
                                                   6.00 + 6.00 do not fit: ``over_budget``
    """
    if budget is not None and not (budget.is_finite() and budget >= 0):
        raise RequestError(gettext("A budget is a number from 0."), code="budget_invalid")
    if total <= 0:
        return
    unit = gettext(credential.declared.currency)
    if budget is not None and total > budget:
        raise RequestError(
            gettext("This costs %(total)s %(unit)s, more than its budget of %(budget)s.")
            % {"total": _plain(total), "unit": unit, "budget": _plain(budget)},
            code="over_budget",
        )
    for one in _locked_budgets(credential, key, earlier):
        if one.most is not None and one.left is not None and total > one.left:
            sentence = gettext(
                "This costs %(total)s %(unit)s, and of the budget of %(most)s %(unit)s %(name)s %(left)s are "
                "left. %(advice)s"
            ) % {
                "total": _plain(total),
                "unit": unit,
                "most": _plain(one.most),
                "name": gettext(one.name),
                "left": _plain(one.left),
                "advice": gettext(one.advice),
            }
            raise RequestError(sentence, code="over_budget")


def _locked_budgets(
    credential: ProviderCredential, key: ApiKey | None, earlier: Enhancement | None
) -> Iterator[_Budget]:
    """Lock account and key, in this order, and yield their budgets and that of an existing enhancement."""
    ProviderCredential.objects.lock(credential.pk)
    left = left_of([credential])[credential.pk]
    yield _Budget(credential.budget_day, left.day, gettext_noop("today"))
    yield _Budget(credential.budget_month, left.month, gettext_noop("this month"))
    if earlier is not None and earlier.budget is not None:
        advice = gettext_noop("Start these products anew, with a budget of their own.")
        rest = _left(earlier.budget, _spent({"enhancement": earlier}, _EVER))
        yield _Budget(earlier.budget, rest, gettext_noop("of this enhancement"), advice)
    if key is not None and key.budget_day is not None:
        ApiKey.objects.lock(key.pk)
        rest = _left(key.budget_day, _spent({"enhancement__api_key": key}, _today()))
        yield _Budget(key.budget_day, rest, gettext_noop("for this key today"))


def _today() -> datetime:
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


def left_of(credentials: Sequence[ProviderCredential]) -> dict[int, Left]:
    """Return what is left of the budgets of accounts, by primary key, with two queries at most.

    Nothing is locked: another request may reserve it meanwhile.
    """
    limited = [one for one in credentials if one.budget_day is not None or one.budget_month is not None]
    day = _today()
    spent = _spent_by_credential({"credential__in": limited}, day, day.replace(day=1)) if limited else {}
    nothing = [Decimal(0), Decimal(0)]
    return {
        one.pk: Left(*map(_left, (one.budget_day, one.budget_month), spent.get(one.pk, nothing))) for one in credentials
    }


def _left(most: Decimal | None, spent: Decimal) -> Decimal | None:
    return None if most is None else max(most - spent, Decimal(0))


def _spent(owner: dict[str, Any], since: datetime) -> Decimal:
    return sum((amount for (amount,) in _spent_by_credential(owner, since).values()), Decimal(0))


def _spent_by_credential(owner: dict[str, Any], *since: datetime) -> dict[int, list[Decimal]]:
    """Return what is reserved and settled for jobs, and reserved for pictures that are still being prepared.

    ``owner`` are lookups of ledger entries. The amounts are those since each moment, by primary key of the account.
    """
    of_preparation = {name.replace("credential", "enhancement__credential"): one for name, one in owner.items()}
    booked = CreditEntry.objects.filter(**owner).spent_on_work(*since)
    promised = Preparation.objects.filter(**of_preparation).promised(*since)
    nothing = [Decimal(0)] * len(since)
    return {
        pk: [one + other for one, other in zip(booked.get(pk, nothing), promised.get(pk, nothing), strict=True)]
        for pk in {*booked, *promised}
    }


def order(
    enhancement: Enhancement, orders: Sequence[tuple[dict[str, Any], Decimal]], at: datetime | None = None
) -> list[ProviderJob]:
    """Create one job for each of the orders (options and cost), and reserve the costs.

    To be called in the transaction of ``allow``; or later, with its time in ``at``: the cost belongs to that day.
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
    entries = [_entry(job, _Kind.RESERVE, cost) for job, (_, cost) in zip(jobs, orders, strict=True) if cost]
    if at is not None:
        for entry in entries:
            entry.at = at
    CreditEntry.objects.bulk_create(entries)
    return jobs


def settle_costs(costs: Sequence[tuple[ProviderJob, Decimal | None]], kind: str = _Kind.SETTLE) -> None:
    """Correct reservations to the actual costs; ``None`` leaves one as it is. The caller saves each ``job.cost``."""
    jobs = [job for job, _ in costs]
    booked = CreditEntry.objects.booked(jobs)
    corrections = []
    for job, cost in costs:
        reserved = booked.get(job.pk, Decimal(0))
        job.cost = reserved if cost is None else cost
        if job.cost != reserved:
            corrections.append(_entry(job, kind, job.cost - reserved))
    CreditEntry.objects.bulk_create(corrections)


def settle_and_save(costs: Sequence[tuple[ProviderJob, Decimal | None]]) -> None:
    """Correct reservations to the actual costs, and save ``cost`` of each job."""
    if costs:
        settle_costs(costs)
        ProviderJob.objects.write_each([job for job, _ in costs], "cost")


def release(jobs: Sequence[ProviderJob]) -> None:
    """Cancel the reservations of jobs that cost nothing."""
    settle_costs([(job, Decimal(0)) for job in jobs], _Kind.RELEASE)
    ProviderJob.objects.filter(pk__in=[job.pk for job in jobs]).update(cost=Decimal(0))


def order_again(
    enhancement: Enhancement,
    orders: Sequence[tuple[dict[str, Any], int]],
    reserved: Decimal = Decimal(0),
    at: datetime | None = None,
) -> list[ProviderJob]:
    """Create jobs for pictures that are made once more, and reserve their costs.

    Each order is options and a number of pictures. ``reserved``: so much is reserved for them already. Raises
    ``RequestError`` over a budget, or when the enhancement was forgotten.
    """
    priced = price_again(enhancement, orders)
    total = sum((cost for _, cost in priced), Decimal(0))
    allow(enhancement.credential, total - reserved, key=enhancement.api_key, earlier=enhancement)
    return order(enhancement, priced, at)


def price_again(
    enhancement: Enhancement, orders: Sequence[tuple[dict[str, Any], int]]
) -> list[tuple[dict[str, Any], Decimal]]:
    """Return options and cost for each order of ``order_again``. Raises ``RequestError`` when they were forgotten."""
    if enhancement.forgotten_at:
        sentence = gettext("What was asked for has been forgotten, as RETENTION_DAYS says. Start the products anew.")
        raise RequestError(sentence, code="forgotten")
    offer = get_offer(enhancement.credential.declared, enhancement.operation)

    def cost(options: dict[str, Any]) -> Decimal:
        if enhancement.is_sandbox:
            return Decimal(0)
        return enhancement.credential.cost_of(enhancement.operation, offer, options)

    return [(options, cost(options) * pictures) for options, pictures in orders]


def _plain(amount: Decimal) -> str:
    """Return an amount as text without the zeros that a database adds."""
    return f"{amount:f}".rstrip("0").rstrip(".") if "." in f"{amount:f}" else f"{amount:f}"


def _entry(job: ProviderJob, kind: str, amount: Decimal) -> CreditEntry:
    return CreditEntry(
        credential_id=job.credential_id, enhancement_id=job.enhancement_id, job=job, kind=kind, amount=amount
    )
