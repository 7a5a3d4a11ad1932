"""The start page: the look, number, duration and price of the pictures, and the button that starts."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite, ModelAdmin
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from product_imagery import history
from product_imagery.admin.base import redirect_to_page, render_page, user_of
from product_imagery.admin.permissions import may, missing, require
from product_imagery.admin.start_forms import OptionsForm, StartForm
from product_imagery.admin.visibility import may_change
from product_imagery.checks.local_engine import check_model, check_packages
from product_imagery.exceptions import ImageryError
from product_imagery.flows.enhancements.specs import WorkSpec, spec_of_operation, spec_of_preset
from product_imagery.flows.enhancements.start import Quote, enhance, quote
from product_imagery.models import Enhancement, Preset, Selection
from product_imagery.products import ProductImages, description_for


def start_page(request: HttpRequest, pk: Any, products: ModelAdmin[Any], template: str) -> HttpResponse:
    """Show and accept the form of the selection ``pk``, which belongs to the person who made it.

    One form holds the look, its options, how to apply it, and a digest of the figures that were shown. Exactly that is
    started, and only if the figures are still right.
    """
    require(request, "start_enhancement")
    site = products.admin_site
    selection = Selection.objects.filter(pk=pk, actor_id=request.user.pk).first()
    if selection is None:
        messages.warning(
            request, _("This selection was started already, or it has expired. Select the products again.")
        )
        return redirect_to_page(site, "enhancement_changelist")
    presets = list(Preset.objects.offered().select_related("credential"))
    if not presets:
        raise Http404("There are no presets.")
    chosen = request.POST.get("preset") or request.GET.get("preset") or presets[0].name
    context: dict[str, Any] = {"selection": selection, "presets": presets, "chosen": chosen, "problem": ""}
    context["lacking"] = missing(request, "review_resultimage", "publish_resultimage")
    try:
        enhancement = _process(request, site, selection, chosen, context)
    except ImageryError as error:
        enhancement, context["problem"] = None, error.message
    if enhancement:
        history.started(user_of(request), enhancement)
        selection.delete()
        return redirect_to_page(site, "enhancement_change", enhancement.pk)
    context |= {**site.each_context(request), "title": _("Enhance pictures"), "opts": products.opts}
    return render_page(request, site, template, context)


def _process(
    request: HttpRequest, site: AdminSite, selection: Selection, chosen: str, context: dict[str, Any]
) -> Enhancement | None:
    """Fill the context of the page; start if the person pressed *Start* and nothing prevents it."""
    spec = spec_of_preset(chosen)
    entered = request.POST or None
    options = context["options_form"] = OptionsForm(entered if _is_shown(request, chosen) else None, spec=spec)
    form = context["form"] = StartForm(entered, spec=spec, may_publish=_may_publish(request, site, selection))
    context["hindrances"] = [*check_packages(None), *check_model(None)] if spec.credential.declared.computes else []
    if not all(one.is_valid() for one in (options, form) if one.is_bound):
        return None
    wanted = spec_of_operation(spec.operation, options.options(), spec.credential, spec.preset)
    figures = context["quote"] = quote(_products(selection), wanted, **form.choices("fresh", "from_present"))
    context["figures"] = _digest(wanted, figures)
    if "start" not in request.POST:
        return None
    context["problem"] = _unseen(request, chosen, context["figures"])
    if context["problem"]:
        return None
    chosen_way = form.choices("fresh", "from_present", "auto_approve", "budget")
    origin: dict[str, Any] = {"channel": Enhancement.Channel.ADMIN, "actor": user_of(request)}
    return enhance(_products(selection), wanted, **origin, **chosen_way).enhancement


def _may_publish(request: HttpRequest, site: AdminSite, selection: Selection) -> bool:
    if not may(request, "review_resultimage", "publish_resultimage"):
        return False
    return all(may_change(request, site, *chosen) for chosen in _products(selection).items())


def _products(selection: Selection) -> dict[ProductImages, Any]:
    return {description_for(selection.content_type_id): selection.ids}


def _is_shown(request: HttpRequest, chosen: str) -> bool:
    """Return true if the options that the person saw, and may have changed, are those of the chosen look."""
    return request.POST.get("shown") == chosen


def _digest(spec: WorkSpec, figures: Quote) -> str:
    """Return a digest of the figures, by which the form proves which figures the person has seen."""
    promised = [spec.preset and spec.preset.name, spec.operation, spec.credential.pk, figures.to_do]
    promised += [str(figures.cost), figures.currency, figures.is_sandbox]
    return salted_hmac("product_imagery confirm form", json.dumps(promised), algorithm="sha256").hexdigest()


def _unseen(request: HttpRequest, chosen: str, figures: str) -> str:
    """Return a sentence if the person has not seen these options and figures, or an empty string."""
    if not _is_shown(request, chosen):
        return _(
            "You chose another look, so nothing was started and nothing was spent. "
            "Its options and figures are shown now: press Start once they are right."
        )
    if request.POST.get("figures") != figures:
        return _(
            "The figures have changed since they were shown, so nothing was started and nothing was spent. "
            "These are the new ones: press Start once they are right."
        )
    return ""
