"""Usage: what the caller's work cost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from product_imagery.api.base import ApiView
from product_imagery.api.filters import Filters, asked
from product_imagery.api.schema import describe
from product_imagery.api.serializers.usage import UsageOut
from product_imagery.models import CreditEntry
from product_imagery.provider_kit.registry import get_provider

_MOST_DAYS, _FIRST_YEAR = 366, 2000


class UsageFilters(Filters):
    """Which days."""

    first_day = serializers.DateField(required=False, help_text="30 days ago if left out")
    last_day = serializers.DateField(required=False, help_text="today if left out")
    provider = serializers.CharField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Days that a calendar of ours has."""
        if any(day.year < _FIRST_YEAR for day in (attrs.get("first_day"), attrs.get("last_day")) if day):
            raise ValidationError({"first_day": [f"Days begin with the year {_FIRST_YEAR}."]})
        return super().validate(attrs)


class Usage(ApiView):
    """What was spent and promised."""

    @describe("Get usage", {200: UsageOut(many=True)}, name="usage", filters=UsageFilters, pages=False)
    def get(self, request: Request) -> Response:
        """By day of the order, provider and key; days of the site's own time zone."""
        wanted = asked(request, UsageFilters)
        last = wanted.get("last_day") or timezone.localdate()
        first = wanted.get("first_day") or last - timedelta(days=30)
        if not 0 <= (last - first).days <= _MOST_DAYS:
            raise ValidationError({"first_day": [f"Ask for at most {_MOST_DAYS} days, the first before the last."]})
        entries = CreditEntry.objects.filter(**{f"enhancement__{name}": value for name, value in self.owned.items()})
        rows = entries.usage(first, last)
        if "provider" in wanted:
            rows = rows.filter(credential__provider=wanted["provider"])
        return self.answer("usage", UsageOut([_shown(row) for row in rows], many=True).data)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    currency = get_provider(row["provider"]).currency
    return {**row, "key": row["key"] or "", "currency": currency, "promised": row["total"] - row["spent"]}
