"""System check of admin sites."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register

from product_imagery.admin.sites import sites_without_pages


@register(Tags.admin)
def check_admin_sites(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """Find admin sites that offer to enhance pictures but lack the pages for it (W011)."""
    hint = "Call product_imagery.admin.register(site) where the site's other models are registered."
    text = "The admin site “{}” uses EnhanceImagesMixin and lacks the pages of product imagery."
    return [Warning(text.format(name), id="product_imagery.W011", hint=hint) for name in sites_without_pages()]
