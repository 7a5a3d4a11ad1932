"""The review page: before and after, side by side, with the buttons that the person may press."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from product_imagery import history
from product_imagery.admin.base import for_each, render_page, user_of
from product_imagery.admin.permissions import may, may_take_any_step, missing, require
from product_imagery.admin.visibility import visible, visible_enhancements
from product_imagery.exceptions import ImageryError
from product_imagery.flows.results import review, standing
from product_imagery.models import Enhancement, EnhancementItem, ResultImage
from product_imagery.products import description_for
from product_imagery.provider_kit.registry import get_provider
from product_imagery.states import Publication, Review

_PER_PAGE = 24
_DIGITS = 19  #: a number of so many digits fits no primary key
_PUBLISHING = ("approve_and_publish", "publish")  #: steps after which a variant stands on the product
_FILTERS: dict[str, dict[str, Any]] = {
    "pending": {"review": Review.PENDING},
    "approved": {"review": Review.APPROVED},
    "rejected": {"review": Review.REJECTED},
    "all": {},
}


def review_page(request: HttpRequest, pk: int, site: AdminSite) -> HttpResponse:
    """List the results of one enhancement; a POST carries out a step for one of them, or for all that are ticked."""
    if not may_take_any_step(request):
        require(request, "view_resultimage")
    enhancement = get_object_or_404(visible_enhancements(request, site, Enhancement.objects.all()), pk=pk)
    results = visible(request, site, ResultImage.objects.filter(item__enhancement=enhancement), "item__")
    if request.method == "POST":
        _carry_out(request, results, visible(request, site, results, "item__", change=True))
        return redirect(request.get_full_path())
    chosen = request.GET.get("show", "pending")
    shown = results.filter(**_FILTERS.get(chosen, {})).select_related("item__content_type", "reviewed_by")
    page = Paginator(shown.order_by("item_id", "pk"), _PER_PAGE).get_page(request.GET.get("page"))
    variants = Counter(results.filter(item__in=[one.item_id for one in page]).values_list("item", flat=True))
    texts = get_provider(enhancement.credential.provider).warning_texts
    context = {
        **site.each_context(request),
        "enhancement": enhancement,
        "page": page,
        "chosen": chosen,
        "filters": list(_FILTERS),
    }
    shown_now = standing.publications(list(page))
    context |= {
        "cards": [_card(result, texts, shown_now[result.pk], variants[result.item_id]) for result in page],
        "some_pending": any(result.review == Review.PENDING for result in page),
        "title": _("Review %s") % enhancement,
    }
    context |= {"may_review": may(request, "review_resultimage"), "may_publish": may(request, "publish_resultimage")}
    can_vary = review.can_vary(enhancement)
    may_vary = may(request, "start_enhancement") and can_vary
    steps = ("review_resultimage", "publish_resultimage", *(("start_enhancement",) if can_vary else ()))
    context["lacking"] = missing(request, *steps)
    context |= {"may_vary": may_vary, "opts": Enhancement._meta}
    return render_page(request, site, "admin/product_imagery/review.html", context)


def _card(result: ResultImage, texts: Any, publication: Publication, variants: int) -> dict[str, Any]:
    """Return the context of one card; the URL of the picture before comes from the product's own storage.

    A card starts ticked if its result has no warning and no other variant.
    """
    pending = result.review == Review.PENDING
    try:
        before = description_for(result.item.content_type_id).storage.url(result.item.source_name)
    except (ImageryError, ValueError, NotImplementedError):
        before = ""
    return {
        "result": result,
        "before": before,
        "warnings": [texts.get(code, code) for code in result.warnings],
        "pending": pending,
        "variants": variants,
        "ticked": pending and variants == 1 and not result.warnings and not result.publication_note,
        "publication": publication.label,
        "displaced": publication == Publication.NONE and result.publication == Publication.PUBLISHED,
        "publishable": result.review == Review.APPROVED
        and publication in (Publication.NONE, Publication.CONFLICT, Publication.RESTORED),
        "transparent": result.format in ("png", "webp"),
    }


def _carry_out(request: HttpRequest, results: QuerySet[ResultImage], changeable: QuerySet[ResultImage]) -> None:
    """Carry out the button that was pressed: its name is the step, its value a result or ``ticked``."""
    for name, (permissions, function) in _STEPS.items():
        if name not in request.POST:
            continue
        require(request, *permissions)
        ticked = request.POST.getlist("ticked") if request.POST[name] == "ticked" else [request.POST[name]]
        keys = [pk for pk in ticked if pk.isascii() and pk.isdigit() and len(pk) < _DIGITS]
        chosen = asked = results.filter(pk__in=keys)
        if name in _PUBLISHING:
            chosen = changeable.filter(pk__in=keys)
            _warn_of_unchanged(request, asked.count() - chosen.count())
        person = user_of(request)
        step, record = partial(function, actor=person), partial(history.reviewed, person, name)
        if request.POST[name] == "ticked" and name in _PUBLISHING:
            step, chosen = partial(step, replaces=False), _one_variant_each(request, chosen)
        done = for_each(request, step, chosen.select_related("item__enhancement"), record)
        if done:
            messages.success(request, history.review_sentence(name, len(done)))
        elif not asked:
            messages.warning(request, _("Tick at least one picture."))


def _one_variant_each(request: HttpRequest, ticked: QuerySet[ResultImage]) -> QuerySet[ResultImage]:
    """Leave out items of which several variants are ticked: a person has to choose one."""
    several = ticked.values("item").annotate(number=Count("pk")).filter(number__gt=1).order_by()
    for item in EnhancementItem.objects.filter(pk__in=several.values("item")):
        messages.warning(request, _("%s: choose one of its variants. None of them was published.") % item.label)
    return ticked.exclude(item__in=several.values("item"))


def _warn_of_unchanged(request: HttpRequest, number: int) -> None:
    text = ngettext(
        "%d picture was left as it is: you may not change its product.",
        "%d pictures were left as they are: you may not change their products.",
        number,
    )
    if number:
        messages.warning(request, text % number)


_STEPS: dict[str, tuple[tuple[str, ...], Any]] = {
    "approve": (("review_resultimage",), partial(review.approve, publish=False)),
    "approve_and_publish": (("review_resultimage", "publish_resultimage"), partial(review.approve, publish=True)),
    "reject": (("review_resultimage",), review.reject),
    "regenerate": (("review_resultimage", "start_enhancement"), review.regenerate),
    "publish": (("publish_resultimage",), review.publish),
}
