"""Texts of pages that no catalogue has: names of rows, files, programs, and of the shop's own models."""

from __future__ import annotations

import re
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType

from example_project.shop.models import Collection as Gallery
from example_project.shop.models import Product
from product_imagery import models
from product_imagery.provider_kit.registry import all_providers
from product_imagery.rules.packs import packs
from tests.workbench import shop

#: formats of files, programs, standards; what Django's admin does not translate: names of icons
_NAMES = ("JPEG", "PNG", "WebP", "AVIF", "OpenAPI", "hex", "base64", "UTC", "True", "False", "Search")
_COLUMNS: tuple[tuple[Any, str], ...] = (
    (Product, "title"),
    (Product, "sku"),
    (Gallery, "title"),
    (models.ProviderCredential, "label"),
    (models.Preset, "name"),
    (models.ApprovalRule, "name"),
    (models.ApiKey, "name"),
    (models.ApiKey, "prefix"),
    (models.Collection, "name"),
    (models.WebhookEndpoint, "url"),
    (models.EventDelivery, "kind"),
    (models.Upload, "name"),
    (models.WorkerTrouble, "machine"),
    (models.WorkerTrouble, "task"),
    (models.WorkerTrouble, "reason"),
    (models.EnhancementItem, "error_code"),
)
#: names of files, addresses, digests
PATTERN = re.compile(
    r"[\w/-]+\.(?:jpg|png|webp|svg)|https?://\S+|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{64}\b"
)
#: what programs write for operators, and the list of all apps beside the pages of Django's admin
SKIPPED = re.compile(
    r"\.field-(?:error_code|outcome|task|machine|reason|report|options|headers|shown_headers|remote_status|remote_id|body)\b"
    r"|#nav-sidebar|#id_own_limits_error"  # the latter names the quantities as they are to be written
)


def names_of_rows() -> set[str]:
    """Return the names that people and programs have given, and those of programs."""
    found = {*_NAMES, *shop.NOTES, *get_user_model().objects.values_list("username", flat=True)}
    for model, column in _COLUMNS:
        found |= set(model._default_manager.values_list(column, flat=True))
    found |= set(Permission.objects.values_list("name", flat=True))  # as Django shows them where they are given
    found |= {pack.label for pack in packs().values()}
    found |= {str(kind) for kind in ContentType.objects.all()}
    found |= {one for provider in all_providers().values() for one in (provider.label, *provider.key_prefixes)}
    return {one for one in found if one} - {one.label for one in all_providers().values() if one.computes}


def names_of_shop() -> set[str]:
    """Return the names of the shop's models and their fields, which are translated by the shop, or not."""
    config = apps.get_app_config("shop")
    found = {str(config.verbose_name), "photo"}
    for model in config.get_models():
        found |= {str(model._meta.verbose_name), str(model._meta.verbose_name_plural)}
        found |= {str(field.verbose_name) for field in model._meta.get_fields() if hasattr(field, "verbose_name")}
    return found | {name[0].upper() + name[1:] for name in found}
