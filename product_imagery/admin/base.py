"""Helpers of all admin pages: URLs, permission checks, and errors as messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin.views.main import ERROR_FLAG
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from product_imagery.admin.permissions import may, may_take_any_step, missing, require
from product_imagery.exceptions import ImageryError
from product_imagery.models import Enhancement
from product_imagery.transactions import own_transactions

PART_HEADER = "X-Imagery-Part"  #: on every partial response: a page without it is the login page
_DIGITS = 19  #: a number of so many digits fits no primary key

_Thing = TypeVar("_Thing")
_Value = TypeVar("_Value")


def number_in(text: str | None) -> int | None:
    """Return the primary key that a text from a URL or form holds, if it can be one."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < _DIGITS else None


def page_url(site: AdminSite, page: str, *arguments: Any) -> str:
    """Return the URL of one of our pages on this site, e.g. ``enhancement_change``."""
    return reverse(f"admin:product_imagery_{page}", args=arguments, current_app=site.name)


def redirect_to_page(site: AdminSite, page: str, *arguments: Any) -> HttpResponseRedirect:
    """Redirect to one of our pages on this site."""
    return HttpResponseRedirect(page_url(site, page, *arguments))


def render_page(request: HttpRequest, site: AdminSite, template: str, context: dict[str, Any]) -> TemplateResponse:
    """Render one of our pages so that its links stay on this site."""
    request.current_app = site.name  # type: ignore[attr-defined]
    return TemplateResponse(request, template, context)


def titles() -> Prefetch[Any]:
    """Return a lookup that fetches the titles of the enhancements of a list's rows in one query."""
    return Prefetch("enhancement", Enhancement.objects.titled())


def explain_denials(site: AdminSite, view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Wrap a view: a ``PermissionDenied`` with a reason becomes a page (status 403) that shows the reason."""

    @wraps(view)
    def wrapped(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        try:
            return view(request, *arguments, **named)
        except PermissionDenied as error:
            if not str(error):
                raise
            context = {**site.each_context(request), "title": gettext("You may not do this"), "reason": str(error)}
            page = render_page(request, site, "admin/product_imagery/refused.html", context)
            page.status_code = 403
            return page

    return wrapped


def back_after_login(
    site: AdminSite, view: Callable[..., HttpResponse], back: Callable[..., str] | None = None
) -> Callable[..., HttpResponse]:
    """Wrap a view with a form: whoever was logged out before sending it is told so, and comes back after the login.

    ``back`` returns the address, by default that of the form. It is called with the arguments of the view.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        if request.method != "POST" or request.user.is_authenticated:
            return view(request, *arguments, **named)
        text = gettext("You were logged out, so nothing was changed. Log in: you come back to the same page.")
        messages.warning(request, text)
        address = back(request, *arguments, **named) if back else request.get_full_path()
        return redirect_to_login(address, reverse("admin:login", current_app=site.name))

    return wrapped


def stepwise_view(
    site: AdminSite,
    view: Callable[..., HttpResponse],
    back: Callable[..., str] | None = None,
    *,
    cacheable: bool = False,
) -> Callable[..., HttpResponse]:
    """Wrap a view of many steps: it requires a login, explains denials, and makes each step a transaction of its own.

    In one transaction for the whole request, as ``ATOMIC_REQUESTS`` has it, they would block every other writer.
    ``back``: see ``back_after_login``. Browsers may keep the responses of a ``cacheable`` view.
    """
    return own_transactions(back_after_login(site, site.admin_view(explain_denials(site, view), cacheable), back))


def user_of(request: HttpRequest) -> AbstractBaseUser:
    """Return the user, who is always logged in on admin pages."""
    assert isinstance(request.user, AbstractBaseUser)
    return request.user


class ReadOnly:
    """Mixin of pages that only show records, to users with the view permission on the model.

    ``steps`` are the permissions of the actions: a list says which of them the person lacks.
    """

    steps: tuple[str, ...] = ()
    change_list_template: Any = "admin/product_imagery/list.html"

    def get_urls(self) -> list[URLPattern]:
        """Wrap Django's own views so that a denial gives its reason."""
        site: AdminSite = self.admin_site  # type: ignore[attr-defined]
        shown: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        for pattern in shown:
            if isinstance(pattern, URLPattern):
                pattern.callback = explain_denials(site, pattern.callback)
        return shown

    def _require_view(self, request: HttpRequest) -> None:
        """Raise ``PermissionDenied`` with the permission that shows these pages."""
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            require(request, f"view_{self.opts.model_name}")  # type: ignore[attr-defined]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Redirect from searches with a NUL, which databases refuse, as Django does from an unknown filter."""
        self._require_view(request)
        extra_context = {"lacking": missing(request, *self.steps), **(extra_context or {})}
        if any("\0" in value for values in request.GET.lists() for value in values[1]):
            return redirect(f"{request.path}?{ERROR_FLAG}=1")
        shown: HttpResponse = super().changelist_view(request, extra_context)  # type: ignore[misc]
        return shown

    def change_view(self, request: HttpRequest, object_id: str, *arguments: Any, **named: Any) -> HttpResponse:
        """Show the page to those with the view permission."""
        self._require_view(request)
        shown: HttpResponse = super().change_view(request, object_id, *arguments, **named)  # type: ignore[misc]
        return shown

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: rows come from selections, providers and publications."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: rows are changed by buttons and actions only."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: the record of what was done and paid stays, and so does the way back."""
        return False


class ReadOnlyRecords(ReadOnly):
    """Read-only pages that are also open to everyone with the permission for any step.

    Those ``for_operators`` are listed in the admin's index only for users with the model's own view permission, or that
    for one of its ``steps``.
    """

    for_operators = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Accept the model's own view permission or that for any step."""
        return may_take_any_step(request) or bool(super().has_view_permission(request, obj))  # type: ignore[misc]

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show the pages in the admin's index to the same people, or to operators only."""
        if self.for_operators:
            names = (f"view_{self.opts.model_name}", *self.steps)  # type: ignore[attr-defined]
            return any(may(request, name) for name in names)
        return may_take_any_step(request) or bool(super().has_module_permission(request))  # type: ignore[misc]


@contextmanager
def errors_as_messages(request: HttpRequest) -> Iterator[None]:
    """Show an ``ImageryError`` that is raised inside as a message."""
    try:
        yield
    except ImageryError as error:
        messages.error(request, error.message)


def for_each(
    request: HttpRequest,
    step: Callable[[_Thing], _Value],
    things: Iterable[_Thing],
    record: Callable[[dict[_Thing, _Value]], object] | None = None,
) -> dict[_Thing, _Value]:
    """Call ``step`` for each thing, show each different error once, and return the results by thing.

    ``record`` is called once with the results, also when a step raises an error that is not ours: the steps before it
    have taken effect.
    """
    done: dict[_Thing, _Value] = {}
    refusals = {}
    try:
        for thing in things:
            try:
                done[thing] = step(thing)
            except ImageryError as error:
                refusals[error.message] = True
    finally:
        if record and done:
            record(done)
    for sentence in refusals:
        messages.warning(request, sentence)
    return done


def state_label(state: str, label: str) -> SafeString:
    """Return the label of a state in its colour; ``state`` is the name of a class in ``admin.css``."""
    return format_html('<span class="imagery-state imagery-{}">{}</span>', state, label)
