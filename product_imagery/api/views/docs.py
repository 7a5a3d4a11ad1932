"""Documentation pages: a guide with complete programs; Swagger UI and Redoc from this site's static files."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from product_imagery.models import Event, Scope

_EXAMPLES = Path(__file__).parents[2] / "examples"
_SIDECAR = "drf_spectacular_sidecar"


@login_not_required
@require_safe
def guide(request: HttpRequest) -> HttpResponse:
    """Show the guide with example programs, the files of ``product_imagery/examples``."""
    examples = [(path.name, path.read_text()) for path in sorted(_EXAMPLES.iterdir()) if path.stem == "quickstart"]
    context = {"examples": examples, "scopes": Scope, "events": Event, "browsable": apps.is_installed(_SIDECAR)}
    return _page(request, "guide.html", context)


@login_not_required
@require_safe
@ensure_csrf_cookie
def swagger(request: HttpRequest) -> HttpResponse:
    """Show Swagger UI, in which operations can be tried with a session of staff or with a key."""
    return _page(request, "swagger.html", {})


@login_not_required
@require_safe
def redoc(request: HttpRequest) -> HttpResponse:
    """Show the reference, made by Redoc."""
    return _page(request, "redoc.html", {})


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    installed = apps.is_installed(_SIDECAR)
    name = template if installed or template == "guide.html" else "not_installed.html"
    base = request.build_absolute_uri(reverse("product_imagery:schema").removesuffix("schema"))
    context |= {"base": base.rstrip("/"), "schema": reverse("product_imagery:schema")}
    status = 200 if name == template else 404
    response = TemplateResponse(request, f"product_imagery/docs/{name}", context, status=status)
    response["Content-Security-Policy"] = _policy()
    return response


def _policy() -> str:
    """Return a Content-Security-Policy that allows only this host and the host of the static files."""
    static = urlsplit(settings.STATIC_URL or "")
    own = f"'self' {static.scheme}://{static.netloc}" if static.netloc else "'self'"
    return (
        f"default-src 'none'; script-src {own}; style-src {own} 'unsafe-inline'; img-src {own} data:; "
        f"font-src {own}; connect-src 'self'; worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'"
    )
