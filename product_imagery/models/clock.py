"""Time by the database's clock: workers on several machines agree on it."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import DateTimeField, ExpressionWrapper
from django.db.models.expressions import Combinable
from django.db.models.functions import Now


def from_now(seconds: float) -> Combinable:
    """The moment ``seconds`` from now, as an expression for updates and filters."""
    return ExpressionWrapper(Now() + timedelta(seconds=seconds), output_field=DateTimeField())
