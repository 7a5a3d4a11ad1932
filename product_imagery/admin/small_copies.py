"""Small copies of the files of products, for every page: made when they are first shown, then kept."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from functools import partial
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.contenttypes.models import ContentType
from django.core.signing import BadSignature, Signer
from django.db.models import FileField
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from product_imagery.admin.base import page_url
from product_imagery.admin.visibility import sees
from product_imagery.exceptions import ImageryError, RegistrationError, StorageError
from product_imagery.flows.previews import LOOK_SIDE, SIDE, fetch_source, small_copy
from product_imagery.models import EnhancementItem, ImageVersion
from product_imagery.products import ProductImages, description_for
from product_imagery.storage.errors import reading
from product_imagery.storage.store import address_of, results_storage

_listed_for: ContextVar[HttpRequest | None] = ContextVar("product_imagery_listed_for", default=None)
_SALT = "product_imagery.admin.small_copies"
_HOUR, _YEAR = 3600, 31_536_000  #: seconds
_LINE, _LINES = 30, 5  #: characters and lines of a placeholder


class ListsSmallCopies:
    """Mixin of a ModelAdmin whose list shows small copies: it keeps the request, since they are made for one person."""

    class Media:
        css = {"all": ("product_imagery/admin.css",)}
        js = ("product_imagery/small.js",)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, and keep the request for ``linked_copy``."""
        _listed_for.set(request)
        shown: HttpResponse = super().changelist_view(request, extra_context)  # type: ignore[misc]
        return shown

    def linked_copy(self, address: str, small: Callable[[HttpRequest], str], text: Any) -> SafeString:
        """Return a link to a file, with the small copy whose URL ``small`` returns for the request."""
        request = _listed_for.get()
        link = '<a href="{}"><img src="{}" alt="{}" class="imagery-thumb" loading="lazy"></a>'
        return format_html(link, address, (request and small(request)) or address, text)


def small_url(
    request: HttpRequest,
    site: AdminSite,
    product: tuple[int, Any],
    name: str,
    *,
    target: bool = False,
    digest: str = "",
    side: int = SIDE,
) -> str:
    """Return the URL of a small copy of the file ``name`` of a product, for this person only; empty without a name.

    ``product``: content type and primary key. ``target``: the file is in the field that is written, not in the one that
    is read. ``digest``: SHA-256 of the file that is meant, if it is known.
    """
    if not name or not site.is_registered(EnhancementItem):
        return ""
    kind, key = product
    which = "target" if target else "source"
    signed = Signer(salt=_SALT).sign_object([request.user.pk, kind, str(key), which, name, digest, side])
    return f"{page_url(site, 'small_copy')}?picture={signed}"


def shop_urls(request: HttpRequest, site: AdminSite, items: Iterable[EnhancementItem]) -> dict[int, str]:
    """Return the URLs of products' pages in the shop by item, where the shop's own admin links to them.

    ``ModelAdmin.get_view_on_site_url`` decides. One query for each model of products.
    """
    by_kind: dict[int, list[EnhancementItem]] = defaultdict(list)
    for item in items:
        by_kind[item.content_type_id].append(item)
    found: dict[int, str] = {}
    for kind, some in by_kind.items():
        model = ContentType.objects.get_for_id(kind).model_class()
        if model is None or not site.is_registered(model):
            continue
        host = site.get_model_admin(model)
        rows = host.get_queryset(request).filter(pk__in=[item.object_id for item in some])
        urls = {str(row.pk): host.get_view_on_site_url(row) for row in rows}
        found |= {item.pk: url for item in some if (url := urls.get(item.object_id))}
    return found


def source_url(request: HttpRequest, site: AdminSite, item: EnhancementItem, side: int = LOOK_SIDE) -> str:
    """Return the URL of a small copy of what was sent for an item."""
    product = item.content_type_id, item.object_id
    return small_url(request, site, product, item.source_name, digest=item.source_digest, side=side)


def version_url(request: HttpRequest, site: AdminSite, version: ImageVersion, which: str) -> str:
    """Return the URL of a small copy of the file ``before`` or ``after`` a publication; empty without a file.

    The copy of a result is its thumbnail.
    """
    if which == "after" and version.result:
        return str(version.result.thumbnail.url)
    name, digest = getattr(version, f"{which}_name"), getattr(version, f"{which}_digest")
    product = version.content_type_id, version.object_id
    return small_url(request, site, product, name, target=True, digest=digest)


def file_url(content_type_id: int, name: str, *, target: bool = False) -> str:
    """Return the URL of a file in the product's own storage; empty if there is none."""
    try:
        description = description_for(content_type_id)
        return address_of(description.target_storage if target else description.storage, name)
    except (ImageryError, ValueError):
        return ""


def small_copy_view(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Return a small copy, or a placeholder with the reason why there is none. Raises ``Http404``."""
    try:
        facts = Signer(salt=_SALT).unsign_object(request.GET.get("picture", ""))
    except BadSignature as error:
        raise Http404("This address was not made by these pages.") from error
    person, kind, key, which, name, digest, side = facts
    if person != request.user.pk or side not in (SIDE, LOOK_SIDE):
        raise Http404("This address was made for somebody else.")
    try:
        description = description_for(kind)
    except RegistrationError as error:
        raise Http404(error.message) from error
    if not sees(request, site, description, key):
        raise Http404("You may not see this product.")
    make = partial(_made, (kind, key), _field(description, which), name, digest, side)
    return small_picture(make, _YEAR if digest else _HOUR)


def small_picture(make: Callable[[], str], seconds: int = _HOUR) -> HttpResponse:
    """Return a response with the small picture that ``make`` makes and names, or with a placeholder that says why not.

    ``seconds``: for which a browser keeps it.
    """
    try:
        return picture_response(make(), seconds)
    except ImageryError as error:
        return _placeholder(error)


def picture_response(name: str, seconds: int = _HOUR) -> HttpResponse:
    """Return a response with a small picture from the storage of results. Raises ``StorageError``."""
    with reading(), results_storage().open(name, "rb") as handle:
        response = HttpResponse(handle.read(), content_type="image/webp")
    response["Cache-Control"] = f"private, max-age={seconds}" + (", immutable" if seconds == _YEAR else "")
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _made(product: tuple[int, str], field: FileField, name: str, digest: str, side: int) -> str:
    """Return the name of a small copy. A source that was given by its address and is not stored yet is fetched."""
    try:
        return small_copy(field, name, side, digest)
    except StorageError as error:
        mine = EnhancementItem.objects.filter(content_type=product[0], object_id=product[1], source_name=name)
        url = mine.exclude(source_url="").values_list("source_url", flat=True).first()
        if error.code != "missing" or not url:
            raise
        fetch_source(field.storage, name, url)
        return small_copy(field, name, side, digest)


def _placeholder(error: ImageryError) -> HttpResponse:
    """Return a picture that says why there is no other. One of a pixel has a script ask again soon."""
    is_busy = error.code == "busy"
    lines = [] if is_busy else textwrap.wrap(error.message, _LINE, max_lines=_LINES, placeholder=" …")
    shown = render_to_string("admin/product_imagery/placeholder.svg", {"lines": lines, "is_busy": is_busy})
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(shown, content_type="image/svg+xml", headers=headers)


def _field(description: ProductImages, which: str) -> FileField:
    return description.target_field if which == "target" else description.source_field
