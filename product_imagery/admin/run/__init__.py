"""Run: the page of an enhancement, with the pictures as they come in, what they wait for and what failed."""

from __future__ import annotations

from product_imagery.admin.run.views import RunPage, decision

__all__ = ["RunPage", "decision"]
