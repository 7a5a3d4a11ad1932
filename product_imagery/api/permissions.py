"""Permissions: a request needs the scope of its key and the permission of the key's owner."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from product_imagery.models import ApiKey, Scope

#: permission that the owner of a key, or the person with a session, needs for each scope
PERMISSIONS = {
    Scope.READ: "product_imagery.view_enhancement",
    Scope.ENHANCE: "product_imagery.start_enhancement",
    Scope.REVIEW: "product_imagery.review_resultimage",
    Scope.WEBHOOKS: "product_imagery.change_webhookendpoint",
}


class HasScope(BasePermission):
    """Require the view's ``scope`` for unsafe methods, and ``read`` for safe ones."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return false for an anonymous request. Raises ``PermissionDenied`` for a missing scope or permission."""
        if request.user is None or not request.user.is_authenticated:
            return False
        scope = Scope.READ if request.method in SAFE_METHODS else view.scope
        require_scope(request, scope)
        return True


def require_permission(request: Request, name: str) -> None:
    """Raise ``PermissionDenied`` unless the user has the app's permission ``name``."""
    if not request.user.has_perm(f"product_imagery.{name}"):
        raise PermissionDenied("The owner of this key lacks the permission.", code="missing_permission")


def require_scope(request: Request, scope: Scope) -> None:
    """Raise ``PermissionDenied`` unless the key has the scope and the user its permission."""
    key = request.auth
    if isinstance(key, ApiKey) and scope not in key.scopes:
        raise PermissionDenied(f"This key lacks the scope “{scope}”.", code="missing_scope")
    if not request.user.has_perm(PERMISSIONS[scope]):
        raise PermissionDenied("The owner of this key lacks the permission.", code="missing_permission")
