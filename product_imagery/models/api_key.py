"""API keys, with which programs act for their owners."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from product_imagery.models.constraints import not_negative

LIVE, TEST = "pik_live_", "pik_test_"  #: beginnings of the text of a key
_NAME_LENGTH = 8  #: visible characters after the beginning


class Scope(models.TextChoices):
    """Permitted uses of a key. Its owner needs the permissions for them as well."""

    READ = "read", _("read everything that belongs to its owner")
    ENHANCE = "enhance", _("start, cancel and retry enhancements (may spend money)")
    REVIEW = "review", _("approve, reject, publish and restore")
    WEBHOOKS = "webhooks", _("create and change webhook endpoints")


class KeyState(models.TextChoices):
    """State of a key, as the admin shows it."""

    GOOD = "good", _("good")
    EXPIRED = "expired", _("expired")
    REVOKED = "revoked", _("revoked")


class KeyQuerySet(models.QuerySet["ApiKey"]):
    """Creation and lookup of keys."""

    def issue(self, **fields: Any) -> tuple[ApiKey, str]:
        """Create a key; return it and its text, which is not stored."""
        key = ApiKey(**fields)
        text = key.seal()
        key.save(force_insert=True)
        return key, text

    def lock(self, pk: int) -> None:
        """Lock the row until the transaction ends. Requests are counted under this lock.

        By an ``UPDATE``, because SQLite has no row locks: there, a transaction that has written locks the database.
        """
        self.filter(pk=pk).update(last_used_at=Now())

    def find_valid(self, text: str) -> ApiKey | None:
        """Return the key with this text if it is neither revoked nor expired and its owner is active; else ``None``.

        The digests are compared in constant time, also if there is no such key.
        """
        prefix = text[: len(LIVE) + _NAME_LENGTH]
        unexpired = Q(expires_at=None) | Q(expires_at__gt=Now())
        valid = self.filter(unexpired, revoked_at=None, owner__is_active=True)
        key = valid.select_related("owner").filter(prefix=prefix).first()
        expected = key.digest if key else _digest("")
        return key if hmac.compare_digest(_digest(text), expected) and key else None


class ApiKey(models.Model):
    """A key with which a program acts for its owner. Its text is not stored, only ``prefix`` and SHA-256 (``digest``).

    A test key (``is_test``) uses the local engine only: nothing is charged, and no product changes.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, verbose_name=_("owner"), related_name="imagery_keys"
    )
    name = models.CharField(_("name"), max_length=80, help_text=_("What uses it, for example “PIM import”."))
    prefix = models.CharField(_("key"), max_length=20, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    is_test = models.BooleanField(_("test key"), default=False)
    scopes = models.JSONField(_("may"), default=list)
    requests_per_minute = models.PositiveIntegerField(
        _("requests a minute"), null=True, blank=True, help_text=_("Empty: as the settings say.")
    )
    budget_day = models.DecimalField(
        _("budget a day"), max_digits=12, decimal_places=2, null=True, blank=True, help_text=_("Of all units together.")
    )
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("made"), auto_now_add=True)

    objects = KeyQuerySet.as_manager()

    class Meta:
        constraints = not_negative("key", "budget_day")
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def state(self) -> KeyState:
        """Current state: good unless it is revoked or has expired."""
        if self.revoked_at:
            return KeyState.REVOKED
        return KeyState.EXPIRED if self.expires_at and self.expires_at <= timezone.now() else KeyState.GOOD

    def seal(self) -> str:
        """Generate a text, set ``prefix`` and ``digest`` from it, and return it. The caller saves the key."""
        self.prefix = (TEST if self.is_test else LIVE) + secrets.token_hex(_NAME_LENGTH // 2)
        text = f"{self.prefix}_{secrets.token_urlsafe(32)}"
        self.digest = _digest(text)
        return text

    def revoke(self) -> bool:
        """Revoke the key at once. Return true if this call did it."""
        return bool(ApiKey.objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=Now()))


def _digest(text: str) -> str:
    """Return the SHA-256 in hex. A slow hash is not needed, because the text has 256 random bits."""
    return hashlib.sha256(text.encode()).hexdigest()
