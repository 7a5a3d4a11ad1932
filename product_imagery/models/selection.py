"""Selections of products for the page on which a person starts an enhancement."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import models


class Selection(models.Model):
    """Primary keys of selected products. Maintenance deletes the row after a day."""

    uuid = models.UUIDField(default=uuid.uuid4, primary_key=True, editable=False)
    content_type = models.ForeignKey(ContentType, models.CASCADE, related_name="+")
    ids = models.JSONField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{len(self.ids)} × {self.content_type}"
