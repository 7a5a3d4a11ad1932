"""Small pictures of the admin pages: copies of products' photos at signed addresses, and examples of looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.contrib.admin import ModelAdmin
from django.core.signing import BadSignature, Signer
from django.db.models import FileField, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import reverse

from product_imagery.exceptions import ImageryError
from product_imagery.flows.previews import LOOK_SIDE, SIDE, small_copy
from product_imagery.products import ProductImages, description_of
from product_imagery.rows import read_rows
from product_imagery.storage.errors import reading
from product_imagery.storage.store import results_storage

_SALT = "product_imagery.admin.pictures"
_NEUTRAL = "product_imagery/looks/neutral.svg"
_SECONDS = 3600  #: for which a browser keeps a small picture
#: operations without options that show in a picture: the name of their example
_EXAMPLES = {
    "white_background": "white",
    "remove_background": "cut-out",
    "scene": "scene-studio_sweep",
    "upscale": "larger",
    "expand": "portrait",
}
SCENES = {
    *("studio_sweep", "marble", "wood", "linen", "concrete", "nature_light", "luxury_dark", "pastel_gradient"),
    *("terrazzo", "sand", "slate", "dusk"),
}


def thumbnail_url(
    request: HttpRequest, host: ModelAdmin[Any], name: str, *, target: bool = False, side: int = SIDE
) -> str:
    """Return the address of a small copy of the file ``name`` of a product of this admin, for this person only.

    ``target``: the file is in the field that is written, not in the one that is read.
    """
    which = "target" if target else "source"
    signed = Signer(salt=_SALT).sign_object([which, name, side, request.user.pk])
    page = f"admin:{host.opts.app_label}_{host.opts.model_name}_imagery_thumbnail"
    return f"{reverse(page, current_app=host.admin_site.name)}?picture={signed}"


def thumbnail(request: HttpRequest, host: ModelAdmin[Any]) -> HttpResponse:
    """Return a small copy of a picture, made on first use; a neutral one in place of a picture that cannot be read."""
    if not host.has_view_or_change_permission(request):
        raise Http404("You may not see these products.")
    try:
        signed = Signer(salt=_SALT).unsign_object(request.GET.get("picture", ""))
    except BadSignature as error:
        raise Http404("This address was not made by these pages.") from error
    which, name, side, person = signed
    if person != request.user.pk or side not in (SIDE, LOOK_SIDE):
        raise Http404("This address was made for somebody else.")
    return small_picture(lambda: small_copy(_field(description_of(host.model), which), name, side))


def small_picture(make: Callable[[], str]) -> HttpResponse:
    """Return a response with the small picture that ``make`` makes and names, or with a neutral one if it cannot."""
    try:
        return picture_response(make())
    except ImageryError:
        return redirect(static(_NEUTRAL))


def picture_response(name: str) -> HttpResponse:
    """Return a response with a small picture from the storage of results. Raises ``StorageError``."""
    with reading(), results_storage().open(name, "rb") as handle:
        response = HttpResponse(handle.read(), content_type="image/webp")
    response["Cache-Control"] = f"private, max-age={_SECONDS}"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def example_url(operation: str, options: Mapping[str, Any]) -> str:
    """Return the address of a picture that shows what a look does, or a neutral one."""
    return static(f"product_imagery/looks/{example_of(operation, options)}")


def example_of(operation: str, options: Mapping[str, Any]) -> str:
    """Return the file name of the shipped example of a look."""
    if operation == "white_background" and options.get("shadow"):
        return "white-shadow.webp"
    if operation == "scene" and options.get("scene") in SCENES:
        return f"scene-{options['scene']}.webp"
    return f"{_EXAMPLES[operation]}.webp" if operation in _EXAMPLES else "neutral.svg"


def labels_of(description: ProductImages, rows: QuerySet[Any], keys: Sequence[Any]) -> dict[Any, str]:
    """Return the labels of products by primary key; the key itself where the shop's own code raises."""
    labels = read_rows(rows, keys, description.label)
    return {pk: str(pk) if label is None else label for pk, label in labels.items()}


def _field(description: ProductImages, which: str) -> FileField:
    return description.target_field if which == "target" else description.source_field
