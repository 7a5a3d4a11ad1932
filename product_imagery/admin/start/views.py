"""The start page: the look, number, duration and price of the pictures, and the buttons that start."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite, ModelAdmin
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from product_imagery import history
from product_imagery.admin.base import errors_as_messages, redirect_to_page, render_page, user_of
from product_imagery.admin.left_out import left_out_page, left_out_rows
from product_imagery.admin.permissions import may, missing, require
from product_imagery.admin.small_copies import picture_response
from product_imagery.admin.start import facts
from product_imagery.admin.start.forms import OptionsForm, StartForm, kept_options
from product_imagery.admin.visibility import may_change
from product_imagery.checks.local_engine import check_model, check_packages
from product_imagery.exceptions import ImageryError
from product_imagery.flows.enhancements.plan import Plan, make_plan
from product_imagery.flows.enhancements.specs import WorkSpec, spec_of_operation, spec_of_preset
from product_imagery.flows.enhancements.start import Quote, enhance, quote_of
from product_imagery.flows.previews import try_look
from product_imagery.models import Enhancement, Preset, Selection
from product_imagery.products import ProductImages, description_for
from product_imagery.templatetags.imagery import REST

TRIED_FIRST = 3  #: products that “Try first” starts
_MOST_RESTS = 20  #: selections that a session remembers as tried
_LONGEST_ADDRESS = 1000  #: characters: inside the address of the login page it grows
_NOT_KEPT = ("csrfmiddlewaretoken", "figures", "start", "try", "preview", "reason", "page")


def start_page(request: HttpRequest, pk: Any, products: ModelAdmin[Any], template: str) -> HttpResponse:
    """Show and accept the form of the selection ``pk``, which belongs to the person who made it.

    One form holds the look, its options, how to apply it, and a digest of the figures that were shown. Exactly that is
    started, and only if the figures are still right. The form can also come in the address, as it does for the rest of
    a selection of which the first products were tried.
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
    context: dict[str, Any] = {"selection": selection, "looks": facts.cards(presets), "chosen": chosen}
    context |= {"problem": "", "lacking": missing(request, "review_resultimage", "publish_resultimage")}
    try:
        enhancement = _process(request, products, selection, chosen, context)
        if not enhancement and request.POST.get("preview") != "1":
            context["strip"] = facts.strip(request, products, selection)
    except ImageryError as error:
        enhancement, context["problem"] = None, error.message
    if enhancement:
        return _started(request, site, selection, enhancement, context)
    context |= {**site.each_context(request), "title": _("Enhance pictures"), "opts": products.opts}
    return render_page(request, site, template, context)


def left_out_view(request: HttpRequest, pk: Any, products: ModelAdmin[Any]) -> HttpResponse:
    """Name the products of a selection that the form in the address leaves out."""
    require(request, "start_enhancement")
    selection = Selection.objects.filter(pk=pk, actor_id=request.user.pk).first()
    if selection is None:
        raise Http404("There is no such selection.")
    chosen = request.GET.get("preset", "")
    about = {"title": _("Left out of this selection"), "back_title": _("Enhance pictures"), "opts": products.opts}
    about["back"] = f"../?{_kept_form(request, chosen)}"
    names: dict[str, Any] = {}
    with errors_as_messages(request):
        work = _planned(request, products, selection, chosen, {})
        names = work[1].names(_products(selection)) if work else {}
    return left_out_page(request, products.admin_site, names, about)


def look_picture(request: HttpRequest, pk: Any, products: ModelAdmin[Any]) -> HttpResponse:
    """Return a small picture of a look, with the options in the address, on the first product of a selection.

    Without one the response is empty (status 204), with a code in ``X-Reason``: the page shows its example instead.
    """
    require(request, "start_enhancement")
    selection = Selection.objects.filter(pk=pk, actor_id=request.user.pk).first()
    if selection is None:
        raise Http404("There is no such selection.")
    try:
        spec = spec_of_preset(request.GET.get("preset", ""))
        options = OptionsForm(request.GET, spec=spec)
        pictures = facts.pictures_of(request, products, selection)
        if not pictures or not options.is_valid():
            return HttpResponse(status=204)
        wanted = spec_of_operation(spec.operation, options.options(), spec.credential, spec.preset)
        return picture_response(try_look(description_for(selection.content_type_id), pictures[0], wanted))
    except ImageryError as error:
        return HttpResponse(status=204, headers={"X-Reason": error.code or "unknown"})


def _process(
    request: HttpRequest, products: ModelAdmin[Any], selection: Selection, chosen: str, context: dict[str, Any]
) -> Enhancement | None:
    """Fill the context of the page; start if the person pressed a button that starts and nothing prevents it."""
    work = _planned(request, products, selection, chosen, context)
    if work is None:
        return None
    wanted, plan = work
    _show_figures(request, products, selection, context, work)
    if not {"start", "try"} & request.POST.keys():
        return None
    context["problem"] = _unseen(request, chosen, context["figures"])
    if context["problem"]:
        return None
    chosen_way = context["form"].choices("fresh", "from_present", "auto_approve", "budget")
    origin: dict[str, Any] = {"channel": Enhancement.Channel.ADMIN, "actor": user_of(request)}
    if _is_try(request, context):
        return enhance(_first(plan), wanted, **origin, **{**chosen_way, "auto_approve": False}).enhancement
    return enhance(_products(selection), wanted, **origin, **chosen_way).enhancement


def _planned(
    request: HttpRequest, products: ModelAdmin[Any], selection: Selection, chosen: str, context: dict[str, Any]
) -> tuple[WorkSpec, Plan] | None:
    """Return the work that the form describes, and its plan; nothing while the form has faults."""
    site, spec, entered = products.admin_site, spec_of_preset(chosen), _entered(request)
    is_shown = bool(entered) and entered.get("shown") == chosen
    options = context["options_form"] = OptionsForm(
        entered if is_shown else None, spec=spec, kept=None if is_shown else _kept(entered, spec)
    )
    form = context["form"] = StartForm(entered, spec=spec, may_publish=_may_publish(request, site, selection))
    context["hindrances"] = [*check_packages(None), *check_model(None)] if spec.credential.declared.computes else []
    if not all(one.is_valid() for one in (options, form) if one.is_bound):
        return None
    wanted = spec_of_operation(spec.operation, options.options(), spec.credential, spec.preset)
    fresh, from_present = (form.choices(name).get(name, False) for name in ("fresh", "from_present"))
    return wanted, make_plan(_products(selection), wanted, fresh=fresh, from_present=from_present)


def _show_figures(
    request: HttpRequest,
    products: ModelAdmin[Any],
    selection: Selection,
    context: dict[str, Any],
    work: tuple[WorkSpec, Plan],
) -> None:
    """Add the figures to the context, and what explains them."""
    wanted, plan = work
    chosen = _products(selection)
    figures = context["quote"] = quote_of(plan, chosen, wanted)
    context["figures"] = _digest(wanted, figures)
    context["account"] = facts.credential(request, products.admin_site, wanted)
    context["rules"] = facts.rules(wanted, selection)
    context["can_try"] = bool(wanted.credential.declared.computes)
    omitted, elsewhere = plan.omitted(chosen), facts.elsewhere(request, products.admin_site, plan)
    names_page = f"left-out/?{_kept_form(request, context['chosen'])}&reason="
    context["left_out"] = [
        {**row, "links": elsewhere.get(row["reason"], ())} for row in left_out_rows(omitted, names_page)
    ]
    waiting = len({work.product for work in plan.to_do})
    if waiting > TRIED_FIRST:
        first = {str(key) for keys in _first(plan).values() for key in keys}
        pictures = sum(work.picture.object_id in first for work in plan.to_do)
        context |= {
            "first": first,
            "tried": TRIED_FIRST,
            "tried_cost": wanted.cost_each * pictures,
            "rest": waiting - TRIED_FIRST,
        }


def _started(
    request: HttpRequest, site: AdminSite, selection: Selection, enhancement: Enhancement, context: dict[str, Any]
) -> HttpResponse:
    """Record the start and redirect to its page; keep the selection while only its first products are tried."""
    history.started(user_of(request), enhancement)
    rests = {pk: rest for pk, rest in request.session.get(REST, {}).items() if rest["selection"] != str(selection.pk)}
    if _is_try(request, context):
        url = _with_form(request)
        if request.POST.get("fresh"):  # what was tried would be made once more
            selection.ids = [key for key in selection.ids if str(key) not in context["first"]]
            selection.save(update_fields=("ids",))
        rests[str(enhancement.pk)] = {"selection": str(selection.pk), "url": url, "number": context["rest"]}
        messages.info(request, _("The first three are being made. Look at them before you decide about the others."))
    else:
        selection.delete()
    request.session[REST] = dict(list(rests.items())[-_MOST_RESTS:])
    return redirect_to_page(site, "enhancement_change", enhancement.pk)


def form_in_address(request: HttpRequest, *arguments: Any, **named: Any) -> str:
    """Return the address of the page with what was entered there, unless that is too long for an address."""
    address = _with_form(request)
    return address if len(address) <= _LONGEST_ADDRESS else request.get_full_path()


def _with_form(request: HttpRequest) -> str:
    return f"{request.path}?{_kept_form(request)}"


def _kept_form(request: HttpRequest, chosen: str = "") -> str:
    """Return what was entered as a query, with which the page shows it again, with the chosen look."""
    form = QueryDict(mutable=True)
    for name, values in (_entered(request) or form).lists():
        if name not in _NOT_KEPT:
            form.setlist(name, values)
    if chosen:
        form["preset"] = chosen
    return form.urlencode()


def _is_try(request: HttpRequest, context: dict[str, Any]) -> bool:
    """Return true if only the first products are to be started, and there are others."""
    return "try" in request.POST and "rest" in context


def _entered(request: HttpRequest) -> Any:
    """Return the form that was sent, in a POST or in the address, or ``None``."""
    return request.POST or (request.GET if "shown" in request.GET else None)


def _kept(entered: Any, spec: WorkSpec) -> dict[str, Any]:
    """Return the options that the person has changed for the look before and that fit this one."""
    with suppress(ImageryError):
        if entered and entered.get("shown"):
            return kept_options(entered, spec_of_preset(entered["shown"]), spec)
    return {}


def _may_publish(request: HttpRequest, site: AdminSite, selection: Selection) -> bool:
    if not may(request, "review_resultimage", "publish_resultimage"):
        return False
    return all(may_change(request, site, *chosen) for chosen in _products(selection).items())


def _products(selection: Selection) -> dict[ProductImages, Any]:
    return {description_for(selection.content_type_id): selection.ids}


def _first(plan: Plan) -> dict[ProductImages, list[Any]]:
    """Return the first products of which something is to be made."""
    found: dict[ProductImages, list[Any]] = {}
    for description, key in list(dict.fromkeys(work.product for work in plan.to_do))[:TRIED_FIRST]:
        found.setdefault(description, []).append(key)
    return found


def _digest(spec: WorkSpec, figures: Quote) -> str:
    """Return a digest of the figures, by which the form proves which figures the person has seen."""
    promised = [spec.preset and spec.preset.name, spec.operation, spec.credential.pk, figures.to_do]
    promised += [str(figures.cost), figures.currency, figures.is_sandbox]
    return salted_hmac("product_imagery confirm form", json.dumps(promised), algorithm="sha256").hexdigest()


def _unseen(request: HttpRequest, chosen: str, figures: str) -> str:
    """Return a sentence if the person has not seen these options and figures, or an empty string."""
    if request.POST.get("shown") != chosen:
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
