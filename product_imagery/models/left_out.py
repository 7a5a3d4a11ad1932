"""The pictures of a selection that were left out of its enhancement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import models

from product_imagery.models.enhancement import Enhancement

Names = Sequence[Sequence[Any]]  #: pictures, each as content type, product and slot


class LeftOut(models.Model):
    """The pictures that an enhancement left out, by reason.

    ``pictures``: reason → ``[content type, product, slot]`` of each; a product without a picture has no slot.
    """

    enhancement = models.OneToOneField(Enhancement, models.CASCADE, primary_key=True, related_name="left_out")
    pictures = models.JSONField(default=dict)

    def __str__(self) -> str:
        return str(self.enhancement_id)

    def add(self, pictures: Mapping[str, Names]) -> None:
        """Add further pictures; save nothing."""
        for reason, names in pictures.items():
            if names:
                self.pictures.setdefault(reason, []).extend(map(list, names))
