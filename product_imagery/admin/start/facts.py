"""Facts on the start page: the first pictures, the account, and where work is that was done or begun before."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.contrib.admin import AdminSite, ModelAdmin
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from product_imagery.admin.base import page_url
from product_imagery.admin.limit_texts import limit_text
from product_imagery.admin.permissions import SEE_MONEY, may
from product_imagery.admin.pictures import example_url
from product_imagery.admin.small_copies import small_url
from product_imagery.admin.visibility import visible_enhancements
from product_imagery.flows.enhancements.plan import DONE_BEFORE, IN_STORAGE, UNDER_WAY, Plan, whereabouts
from product_imagery.flows.enhancements.specs import WorkSpec
from product_imagery.flows.money import budgets
from product_imagery.flows.previews import LOOK_SIDE, SIDE
from product_imagery.models import ApprovalRule, Enhancement, Preset, ProviderCredential, Selection
from product_imagery.products import ProductPicture, description_for
from product_imagery.provider_kit.registry import get_provider

_SHOWN, _SEARCHED = 12, 60  #: pictures on the page; products among which they are looked for
_LINKS = 3
_PLACES = (UNDER_WAY, DONE_BEFORE, IN_STORAGE)


def cards(presets: list[Preset]) -> list[dict[str, Any]]:
    """Return the looks with their example pictures."""
    return [
        {
            "preset": preset,
            "picture": example_url(preset.operation, preset.options),
            "provider": "" if get_provider(preset.provider).computes else _(get_provider(preset.provider).label),
        }
        for preset in presets
    ]


def pictures_of(request: HttpRequest, host: ModelAdmin[Any], selection: Selection) -> list[ProductPicture]:
    """Return the first pictures of a selection, of products that the person may see, with two or three queries."""
    description = description_for(selection.content_type_id)
    shown = host.get_queryset(request).order_by().filter(pk__in=selection.ids[:_SEARCHED])
    visible = list(shown.values_list("pk", flat=True))
    return list(islice(description.list_pictures(visible), _SHOWN))


def strip(request: HttpRequest, host: ModelAdmin[Any], selection: Selection) -> dict[str, Any]:
    """Return the thumbnails of a selection, the number of further products, and the first picture in a larger copy."""
    pictures = pictures_of(request, host, selection)

    def small(picture: ProductPicture, side: int) -> str:
        product = selection.content_type_id, picture.object_id
        return small_url(request, host.admin_site, product, picture.source_name, side=side)

    thumbs = [{"label": picture.label, "url": small(picture, SIDE)} for picture in pictures]
    first = small(pictures[0], LOOK_SIDE) if pictures else ""
    further = len(selection.ids) - len({picture.object_id for picture in pictures})
    return {"thumbs": thumbs, "first": first, "first_label": thumbs[0]["label"] if thumbs else "", "further": further}


def elsewhere(request: HttpRequest, site: AdminSite, plan: Plan) -> dict[str, list[dict[str, Any]]]:
    """Return links to the enhancements that have pictures of the plan already, by reason."""
    found = {reason: whereabouts(plan, reason)[:_LINKS] for reason in _PLACES if plan.count(reason)}
    wanted = {pk for places in found.values() for pk, _number in places}
    rows = (
        visible_enhancements(request, site, Enhancement.objects.titled().select_related("actor").filter(pk__in=wanted))
        if wanted
        else ()
    )
    by_pk = {row.pk: row for row in rows}
    return {
        reason: [_link(site, by_pk[pk], reason, number) for pk, number in places if pk in by_pk]
        for reason, places in found.items()
    }


def credential(request: HttpRequest, site: AdminSite, spec: WorkSpec) -> dict[str, Any]:
    """Return the facts about the account of a work spec that the person may see."""
    credential = spec.credential
    provider = credential.declared
    facts: dict[str, Any] = {"credential": credential, "provider": provider, "price": spec.cost_each}
    facts |= {"is_local": provider.computes, "pace": "; ".join(_pace(credential))}
    facts["paused"] = credential.paused_reason or _("no reason was given") if credential.paused_at else ""
    if may(request, "view_providercredential") or may(request, "change_providercredential"):
        facts["url"] = page_url(site, "providercredential_change", credential.pk)
    if may(request, SEE_MONEY) and spec.cost_each:
        facts["balance"] = credential.balance
        facts["left"] = budgets.left_of([credential])[credential.pk]
    return facts


def rules(spec: WorkSpec, selection: Selection) -> list[str]:
    """Return sentences about the rules in use that may approve pictures of this work without a review."""
    if spec.is_sandbox or spec.variants > 1:
        return []
    found = ApprovalRule.objects.in_use().for_work(
        content_type=selection.content_type_id,
        preset=spec.preset,
        credential=spec.credential,
        operation=spec.operation,
    )
    texts = {
        True: _("The rule “%s” publishes those that meet its conditions, without a review."),
        False: _("The rule “%s” approves those that meet its conditions, without a review."),
    }
    return [texts[rule.publishes] % rule for rule in found]


def _pace(credential: ProviderCredential) -> Iterator[str]:
    """Yield the limits of an account in sentences."""
    if active := credential.active_limit():
        yield ngettext("%(n)s picture at once", "%(n)s pictures at once", active) % {"n": active}
    for limit in credential.limits():
        yield limit_text(limit)


def _link(site: AdminSite, enhancement: Enhancement, reason: str, number: int) -> dict[str, Any]:
    page = "enhancement_change" if reason == UNDER_WAY else "enhancement_review"
    return {"enhancement": enhancement, "number": number, "url": page_url(site, page, enhancement.pk)}
