"""Run: the page of an enhancement, with the pictures as they come in, what they wait for and what failed."""

from __future__ import annotations

from product_imagery.admin.run.lost_calls import NOT_WHOLE, candidate_picture, decision, overview
from product_imagery.admin.run.views import RunPage

__all__ = ["NOT_WHOLE", "RunPage", "candidate_picture", "decision", "overview"]
