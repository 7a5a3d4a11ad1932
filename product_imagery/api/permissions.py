"""What may be done: the scope of the key and the permission of its owner, both."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from product_imagery.models import ApiKey, Scope

#: what the owner of a key, or a person with a session, needs for each scope
PERMISSIONS = {
    Scope.READ: "product_imagery.view_enhancement",
    Scope.ENHANCE: "product_imagery.start_enhancement",
    Scope.REVIEW: "product_imagery.review_resultimage",
    Scope.WEBHOOKS: "product_imagery.change_webhookendpoint",
}


class MayUse(BasePermission):
    """Views name the scope of their unsafe methods in ``scope``; looking needs ``read``."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Raises ``PermissionDenied`` with what is missing; false where nobody has said who they are."""
        if request.user is None or not request.user.is_authenticated:
            return False
        scope = Scope.READ if request.method in SAFE_METHODS else view.scope
        require_scope(request, scope)
        return True


def require_permission(request: Request, name: str) -> None:
    """Raises ``PermissionDenied`` unless the owner may do this at all."""
    if not request.user.has_perm(f"product_imagery.{name}"):
        raise PermissionDenied("The owner of this key lacks the permission.", code="missing_permission")


def require_scope(request: Request, scope: Scope) -> None:
    """Raises ``PermissionDenied`` unless the key has the scope and its owner the permission."""
    key = request.auth
    if isinstance(key, ApiKey) and scope not in key.scopes:
        raise PermissionDenied(f"This key lacks the scope “{scope}”.", code="missing_scope")
    if not request.user.has_perm(PERMISSIONS[scope]):
        raise PermissionDenied("The owner of this key lacks the permission.", code="missing_permission")
