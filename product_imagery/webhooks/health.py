"""Health check for load balancers and supervisors."""

from __future__ import annotations

import hmac

from django.contrib.auth.decorators import login_not_required
from django.db import Error
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from product_imagery.conf import get_settings
from product_imagery.doctor.probes import findings_for_url
from product_imagery.transactions import own_transactions

_ASK = (
    "Send the token of PRODUCT_IMAGERY['HEALTH_TOKEN'] as “Authorization: Bearer …” or “?token=…”, or log in as staff."
)


@own_transactions
@login_not_required
@never_cache
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Return the findings of ``imagery_doctor``: 200 if all are good, 503 otherwise.

    403 without the token of ``HEALTH_TOKEN`` and without a session of staff.
    """
    if not (_has_token(request) or _is_staff(request)):
        return JsonResponse({"error": {"code": "forbidden", "message": _ASK}}, status=403)
    findings = findings_for_url()
    well = all(finding.ok for finding in findings)
    facts = {"ok": well, "checks": [finding.as_json() for finding in findings]}
    return JsonResponse(facts, status=200 if well else 503)


def _has_token(request: HttpRequest) -> bool:
    expected = get_settings().health_token
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    given = sent.strip() if scheme.lower() == "bearer" else request.GET.get("token", "")
    return bool(expected) and hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


def _is_staff(request: HttpRequest) -> bool:
    """Return true if a member of staff is logged in; false while the database is unavailable."""
    try:
        user = getattr(request, "user", None)
        return bool(user and user.is_active and user.is_staff)
    except Error:
        return False
