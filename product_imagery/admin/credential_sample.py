"""The test picture on the page of a credential: its price, the button that makes it, and what came back."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.db.models import Sum
from django.http import HttpRequest
from django.utils.translation import gettext as _

from product_imagery import history
from product_imagery.admin.base import errors_as_messages, page_url, user_of
from product_imagery.admin.option_fields import title_of
from product_imagery.admin.permissions import SEE_MONEY, may, missing
from product_imagery.exceptions import ImageryError
from product_imagery.flows import sample_pictures
from product_imagery.flows.worker.waiting import reasons
from product_imagery.models import CreditEntry, EnhancementItem, ProviderCredential
from product_imagery.states import ACTIVE_ITEMS, OPEN_ITEMS
from product_imagery.storage.store import address_of, results_storage


def sample_facts(request: HttpRequest, site: AdminSite, credential: ProviderCredential) -> dict[str, Any]:
    """Return what the page shows of the test picture of an account: the offer, and the newest one."""
    facts: dict[str, Any] = {"credential": credential, "lacking": missing(request, "start_enhancement")}
    facts["address"], facts["page"] = (
        page_url(site, f"providercredential_{page}", credential.pk) for page in ("sample", "change")
    )
    try:
        spec = sample_pictures.work_of(credential)
        facts |= {"cost": spec.cost_each, "operation": title_of(spec.operation)}
    except ImageryError as error:
        facts["refusal"] = error.message
    if credential.paused_at:
        facts["refusal"] = _("This account is paused, so no test picture can be made: %s") % credential.paused_reason
    item = sample_pictures.latest(credential)
    return facts | (_newest(request, site, item) if item else {})


def start_sample(request: HttpRequest, credential: ProviderCredential) -> None:
    """Start a test picture at the price that the person has seen, and show a sentence about it."""
    try:
        most = Decimal(request.POST.get("most", ""))
    except InvalidOperation:
        messages.error(request, _("Nothing was started: look at the price again."))
        return
    with errors_as_messages(request):
        started = sample_pictures.make(credential, actor=user_of(request), most=most)
        history.started(user_of(request), started)
        messages.success(request, _("The test picture is being made."))


def _newest(request: HttpRequest, site: AdminSite, item: EnhancementItem) -> dict[str, Any]:
    result = item.results.order_by("pk").last()
    spent = CreditEntry.objects.filter(enhancement=item.enhancement).aggregate(total=Sum("amount"))["total"]
    is_open = item.status in OPEN_ITEMS
    return {
        "item": item,
        "is_open": is_open,
        "is_active": item.status in ACTIVE_ITEMS,
        "source": address_of(results_storage(), item.source_name),
        "result": result,
        "reasons": reasons(item.enhancement, item.enhancement.items.all()) if is_open else [],
        "run": page_url(site, "enhancement_change", item.enhancement_id),
        "spent": spent if may(request, SEE_MONEY) else None,
    }
