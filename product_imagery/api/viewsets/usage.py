"""Usage: the cost of the caller's work."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from product_imagery.api.base import ApiViewSet
from product_imagery.api.filters import Filters
from product_imagery.api.schema import enveloped, extend_schema
from product_imagery.api.serializers.usage import UsageOut
from product_imagery.models import CreditEntry
from product_imagery.provider_kit.registry import get_provider

_MAX_DAYS, _FIRST_YEAR = 366, 2000


class UsageFilters(Filters):
    """Filters of usage: days and provider."""

    first_day = serializers.DateField(required=False, help_text="First day. Default: 30 days before the last day.")
    last_day = serializers.DateField(required=False, help_text="Last day. Default: today.")
    provider = serializers.CharField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse days before the year 2000. Raises ``ValidationError``."""
        if any(day.year < _FIRST_YEAR for day in (attrs.get("first_day"), attrs.get("last_day")) if day):
            raise ValidationError({"first_day": [f"Send days from the year {_FIRST_YEAR} on."]})
        return super().validate(attrs)


class UsageViewSet(ApiViewSet):
    """Spent and reserved amounts."""

    serializer_class = UsageOut
    filter_class = UsageFilters
    pagination_class = None

    @extend_schema(summary="Get usage", responses=enveloped("usage", {200: UsageOut(many=True)}))
    def list(self, request: Request) -> Response:
        """List amounts by day, provider and key. The day is that of the order, in the site's time zone."""
        wanted = self.validated_filters()
        ownership = {f"enhancement__{name}": value for name, value in self.ownership("actor").items()}
        rows = CreditEntry.objects.filter(**ownership).usage(*_days(wanted))
        if "provider" in wanted:
            rows = rows.filter(credential__provider=wanted["provider"])
        return self.respond("usage", self.get_serializer([_shown(row) for row in rows], many=True).data)


def _days(wanted: dict[str, Any]) -> tuple[date, date]:
    """Return the first and the last day. Raises ``ValidationError``."""
    last = wanted.get("last_day") or timezone.localdate()
    first = wanted.get("first_day") or last - timedelta(days=30)
    if not 0 <= (last - first).days <= _MAX_DAYS:
        raise ValidationError({"first_day": [f"Send at most {_MAX_DAYS} days, the first not after the last."]})
    return first, last


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    currency = get_provider(row["provider"]).currency
    return {**row, "key": row["key"] or "", "currency": currency, "promised": row["total"] - row["spent"]}
