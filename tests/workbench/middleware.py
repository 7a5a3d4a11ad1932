"""A middleware that sets the strictest policy under which our pages have to work."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


def report_violations(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Have the browser log what ``default-src 'self'`` would block; some themes need more themselves."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["Content-Security-Policy-Report-Only"] = "default-src 'self'; img-src 'self' data:"
        return response

    return respond
