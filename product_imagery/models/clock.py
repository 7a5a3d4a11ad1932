"""Time by the database's clock: workers on several machines agree on it."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import DateTimeField, ExpressionWrapper, Q
from django.db.models.expressions import Combinable
from django.db.models.functions import Now


def unclaimed() -> Q:
    """Nobody holds the row: it was never claimed, or its claim has run out. (``flows.clocks`` bounds claims.)"""
    return Q(claimed_until=None) | Q(claimed_until__lt=Now())


def from_now(seconds: float) -> Combinable:
    """The moment ``seconds`` from now, as an expression for updates and filters."""
    return ExpressionWrapper(Now() + timedelta(seconds=seconds), output_field=DateTimeField())
