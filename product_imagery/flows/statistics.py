"""Statistics by day: pictures, success, time to result, and credits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Avg, Count, F, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from product_imagery.models import CreditEntry, EnhancementItem, ProviderCredential
from product_imagery.provider_kit.registry import provider_choices
from product_imagery.states import ItemStatus

DAYS = 30
_LONGEST = 30  #: days that an enhancement takes at most, for the statistics

Value = int | float | None


@dataclass
class Series:
    """Values of one line of a chart, one for each day; ``None`` where there is nothing to say."""

    label: str
    values: list[Value]
    is_limit: bool = False


@dataclass
class Chart:
    """Series over the same days. ``is_stack``: their values add up; ``unit`` follows each value."""

    name: str
    title: str
    days: list[date]
    series: list[Series] = field(default_factory=list)
    unit: str = ""
    is_stack: bool = False

    @property
    def is_empty(self) -> bool:
        """True if there is nothing to draw."""
        return not any(value for one in self.series if not one.is_limit for value in one.values)

    def rows(self) -> Iterable[list[Any]]:
        """Yield a row for each day: the day, and the value of each series."""
        for position, day in enumerate(self.days):
            yield [day, *(one.values[position] for one in self.series)]


NAMES: dict[str, Any] = {
    "pictures": _("Pictures a day"),
    "success": _("Success rate"),
    "time": _("Time to result"),
    "credits": _("Credits a day"),
}


def last_days(number: int = DAYS) -> list[date]:
    """Return the last days, today included."""
    today = timezone.localdate()
    return [today - timedelta(days=back) for back in range(number - 1, -1, -1)]


def item_charts(items: QuerySet[EnhancementItem], days: Sequence[date]) -> list[Chart]:
    """Return the charts of pictures by provider, success rate and time to result of these items. Takes one query."""
    since = _start(days[0])
    ended = items.filter(finished_at__gte=since, enhancement__created_at__gte=since - timedelta(days=_LONGEST))
    by = (
        ended.order_by()
        .annotate(day=TruncDate("finished_at"))
        .values("day", name=F("enhancement__credential__provider"))
    )
    done = Q(status=ItemStatus.COMPLETED)
    rows: Any = by.annotate(
        completed=Count("pk", filter=done),
        failed=Count("pk", filter=Q(status=ItemStatus.FAILED)),
        duration=Avg(F("finished_at") - F("enhancement__created_at"), filter=done),
    )
    made: dict[str, dict[date, int]] = defaultdict(dict)
    good, bad, seconds = defaultdict[date, int](int), defaultdict[date, int](int), defaultdict[date, float](float)
    for row in rows:
        made[row["name"]][row["day"]] = row["completed"]
        good[row["day"]] += row["completed"]
        bad[row["day"]] += row["failed"]
        if row["duration"] is not None:
            seconds[row["day"]] += row["duration"].total_seconds() * row["completed"]
    labels = dict(provider_choices())
    pictures = [
        Series(str(labels.get(name, name)), [of.get(day, 0) for day in days]) for name, of in sorted(made.items())
    ]
    rate = [round(100 * good[day] / (good[day] + bad[day]), 1) if good[day] + bad[day] else None for day in days]
    minutes = [round(seconds[day] / good[day] / 60, 2) if good[day] else None for day in days]
    return [
        Chart("pictures", str(NAMES["pictures"]), list(days), pictures, is_stack=True),
        Chart("success", str(NAMES["success"]), list(days), [Series(gettext("completed"), [*rate])], "%"),
        Chart(
            "time",
            str(NAMES["time"]),
            list(days),
            [Series(gettext("minutes from the start"), [*minutes])],
            gettext("min"),
        ),
    ]


def credit_chart(days: Sequence[date]) -> Chart:
    """Return the chart of credits by account, with the budgets a day.

    A correction belongs to the day of its order, as in budgets.
    """
    entries = CreditEntry.objects.filter(job__created_at__gte=_start(days[0])).order_by()
    rows: Any = (
        entries.annotate(day=TruncDate("job__created_at")).values("day", "credential").annotate(sum=Sum("amount"))
    )
    spent: dict[int, dict[date, Decimal]] = defaultdict(dict)
    for row in rows:
        spent[row["credential"]][row["day"]] = row["sum"]
    series = []
    for credential in ProviderCredential.objects.filter(pk__in=spent):
        label = f"{credential} ({gettext(credential.declared.currency)})"
        series.append(Series(label, [float(spent[credential.pk].get(day, 0)) for day in days]))
        if credential.budget_day is not None:
            budget = float(credential.budget_day)
            series.append(Series(gettext("budget of %s") % credential, [budget for _day in days], is_limit=True))
    return Chart("credits", str(NAMES["credits"]), list(days), series)


def _start(day: date) -> datetime:
    start = datetime.combine(day, time.min)
    return timezone.make_aware(start) if timezone.is_aware(timezone.now()) else start
