"""Check constraints that several models share."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


def not_negative(model: str, *fields: str) -> tuple[models.CheckConstraint, ...]:
    """Return constraints for columns of ``model`` that are null or at least 0."""
    return tuple(
        models.CheckConstraint(condition=Q((field, None)) | Q((f"{field}__gte", 0)), name=f"imagery_{model}_{field}")
        for field in fields
    )


def finished_when(model: str, ended: Q) -> models.CheckConstraint:
    """Return the constraint that ``finished_at`` is set exactly in those rows of ``model`` that have ``ended``."""
    condition = (ended & Q(finished_at__isnull=False)) | (~ended & Q(finished_at=None))
    return models.CheckConstraint(condition=condition, name=f"imagery_{model}_finished")
