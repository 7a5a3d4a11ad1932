"""Stored responses of requests with an ``Idempotency-Key``."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class StoredResponse(models.Model):
    """The response to a request, returned again for a repetition with the same ``Idempotency-Key``.

    The row is inserted before the work, in the same transaction, so that a concurrent repetition waits for it.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    is_test = models.BooleanField(default=False)
    key = models.CharField(max_length=160)
    digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    body = models.TextField()  # text, because a JSON column may reorder fields
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = (models.Index(fields=["created_at"]),)
        constraints = (models.UniqueConstraint(fields=["owner", "is_test", "key"], name="imagery_response_once"),)

    def __str__(self) -> str:
        return self.key
