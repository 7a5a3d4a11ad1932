"""The confirm page: what, how many, how long, at what price — and the button."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from product_imagery.admin.doors import person, require
from product_imagery.admin.forms import StartForm
from product_imagery.checks import check_engine, check_model
from product_imagery.exceptions import ImageryError
from product_imagery.flows.look import Look, look_of_operation, look_of_preset
from product_imagery.flows.start import quote, start
from product_imagery.models import Enhancement, Preset, Selection
from product_imagery.products import ProductImages, description_for


def confirm_page(request: HttpRequest, pk: Any, context: dict[str, Any]) -> HttpResponse:
    """Show and accept the confirm form of the selection ``pk``, which belongs to the person who made it."""
    require(request, "start_enhancement")
    selection = Selection.objects.filter(pk=pk, actor_id=request.user.pk).first()
    if selection is None:
        messages.warning(
            request, _("This selection was started already, or it has expired. Select the products again.")
        )
        return redirect("admin:product_imagery_enhancement_changelist")
    presets = list(Preset.objects.offered().select_related("credential"))
    chosen = request.POST.get("preset") or request.GET.get("preset") or (presets[0].name if presets else "")
    if not presets:
        raise Http404("There are no presets.")
    try:
        look = look_of_preset(chosen)
    except ImageryError as error:
        messages.error(request, error.message)
        return redirect("admin:product_imagery_preset_changelist" if chosen == presets[0].name else request.path)
    may_publish = request.user.has_perms(["product_imagery.review_resultimage", "product_imagery.publish_resultimage"])
    form = StartForm(request.POST or None, look=look, may_publish=may_publish)
    if "start" in request.POST and form.is_valid():
        response = _press(request, selection, look, form)
        if response is not None:
            return response
    context |= {"selection": selection, "presets": presets, "chosen": chosen, "form": form}
    context |= {"quote": _quote(request, selection, look, form), "title": _("Enhance pictures")}
    hindrances = [*check_engine(None), *check_model(None)] if look.credential.declared.computes else []
    context |= {"opts": Enhancement._meta, "hindrances": hindrances}
    return TemplateResponse(request, "admin/product_imagery/confirm.html", context)


def _chosen(selection: Selection) -> dict[ProductImages, Any]:
    return {description_for(selection.content_type_id): selection.ids}


def _entered(look: Look, form: StartForm) -> Look:
    return look_of_operation(look.operation, form.options(), look.credential, look.preset)


def _quote(request: HttpRequest, selection: Selection, look: Look, form: StartForm) -> Any:
    entered = form.cleaned_data if form.is_bound and form.is_valid() else {}
    how = {name: entered.get(name, False) for name in ("fresh", "from_present")}
    try:
        return quote(_chosen(selection), _entered(look, form), **how)
    except ImageryError as error:
        messages.error(request, error.message)
        return None


def _press(request: HttpRequest, selection: Selection, look: Look, form: StartForm) -> HttpResponse | None:
    try:
        enhancement = start(
            _chosen(selection),
            _entered(look, form),
            door=Enhancement.Door.ADMIN,
            actor=person(request),
            auto_approve=form.cleaned_data.get("auto_approve", False),
            fresh=form.cleaned_data["fresh"],
            from_present=form.cleaned_data["from_present"],
            budget=form.cleaned_data.get("budget"),
        )
    except ImageryError as error:
        messages.error(request, error.message)
        return None
    selection.delete()
    return redirect("admin:product_imagery_enhancement_change", enhancement.pk)
