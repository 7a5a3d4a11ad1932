"""Review: the queue of finished pictures, worst first, on which people decide."""

from __future__ import annotations

from product_imagery.admin.review.views import review_page, ticks_in_address

__all__ = ["review_page", "ticks_in_address"]
