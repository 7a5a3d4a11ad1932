"""Permission checks, and sentences that name a missing permission."""

from __future__ import annotations

from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

_APP = "product_imagery"
SEE_MONEY = "view_creditentry"  #: shows the ledger, and costs and budgets on other pages
_STEPS = (
    "start_enhancement",
    "cancel_enhancement",
    "review_resultimage",
    "publish_resultimage",
    "restore_imageversion",
)


def may(request: HttpRequest, *names: str) -> bool:
    """Return true if the person has all of these permissions of this app, e.g. ``start_enhancement``."""
    return request.user.has_perms([f"{_APP}.{name}" for name in names])


def missing(request: HttpRequest, *names: str) -> str:
    """Return a sentence that names the permissions that the person lacks, or an empty string."""
    lacking = [_("“%s”") % _label(name) for name in dict.fromkeys(names) if not may(request, name)]
    text = ngettext(
        "You lack the permission %(names)s. Ask whoever manages the users of this site for it.",
        "You lack the permissions %(names)s. Ask whoever manages the users of this site for them.",
        len(lacking),
    )
    return text % {"names": ", ".join(lacking)} if lacking else ""


def require(request: HttpRequest, *permissions: str) -> None:
    """Raise ``PermissionDenied``, naming what is missing, unless the user has all of these permissions of this app."""
    if sentence := missing(request, *permissions):
        raise PermissionDenied(sentence)


def may_take_any_step(request: HttpRequest) -> bool:
    """Return true for users with the permission for any step, who may also see the records of all steps."""
    return any(may(request, name) for name in _STEPS)


def _label(name: str) -> str:
    """Return the name of a permission as Django shows it on the page of a user."""
    for model in apps.get_app_config(_APP).get_models():
        for codename, label in model._meta.permissions:
            if codename == name:
                return str(label)
        step, _separator, rest = name.partition("_")
        if rest == model._meta.model_name and step in model._meta.default_permissions:
            return f"Can {step} {model._meta.verbose_name_raw}"
    return name
