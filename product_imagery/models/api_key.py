"""API keys, their use of rate limits, and stored responses for ``Idempotency-Key``."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Min, Q, Sum
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from product_imagery.models.constraints import not_negative

LIVE, TEST = "pik_live_", "pik_test_"
RATE_SECONDS = 60
_NAME_LENGTH = 8  #: characters of the visible part after ``pik_live_``


class Scope(models.TextChoices):
    """Permitted use of a key. The permissions of its owner apply as well."""

    READ = "read", _("look at everything of its owner's")
    ENHANCE = "enhance", _("start, cancel and retry enhancements (may spend money)")
    REVIEW = "review", _("approve, reject, publish and restore")
    WEBHOOKS = "webhooks", _("say who is told what happens")


class KeyState(models.TextChoices):
    """State of a key."""

    GOOD = "good", _("good")
    EXPIRED = "expired", _("expired")
    REVOKED = "revoked", _("revoked")


class KeyQuerySet(models.QuerySet["ApiKey"]):
    """Keys by their text, and creation of keys."""

    def issue(self, **fields: Any) -> tuple[ApiKey, str]:
        """Create a key; return it and its text, which cannot be shown again."""
        key = ApiKey(**fields)
        text = key.seal()
        key.save(force_insert=True)
        return key, text

    def lock(self, pk: int) -> None:
        """Lock the row until the transaction ends. Its use is counted under this lock."""
        self.filter(pk=pk).update(
            last_used_at=Now()
        )  # on SQLite, the transaction itself is the lock once it has written

    def known(self, text: str) -> ApiKey | None:
        """Return the valid key with this text, or ``None``: not revoked, not expired, owner active.

        Compares in constant time.
        """
        prefix = text[: len(LIVE) + _NAME_LENGTH]
        unexpired = Q(expires_at=None) | Q(expires_at__gt=Now())
        good = self.filter(unexpired, revoked_at=None, owner__is_active=True)
        key = good.select_related("owner").filter(prefix=prefix).first()
        expected = key.digest if key else _digest("")
        return key if hmac.compare_digest(_digest(text), expected) and key else None


class ApiKey(models.Model):
    """A key with which a program acts for its owner. Only its visible beginning and a SHA-256 are stored.

    A test key (``is_test``) uses the local engine only: it is never charged and never changes a product.
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
        """Current state: good until it is revoked or has expired."""
        if self.revoked_at:
            return KeyState.REVOKED
        return KeyState.EXPIRED if self.expires_at and self.expires_at <= timezone.now() else KeyState.GOOD

    def seal(self) -> str:
        """Generate the text of a new key and return it; the row keeps its beginning and digest. The caller saves it."""
        self.prefix = (TEST if self.is_test else LIVE) + secrets.token_hex(_NAME_LENGTH // 2)
        text = f"{self.prefix}_{secrets.token_urlsafe(32)}"
        self.digest = _digest(text)
        return text

    def revoke(self) -> bool:
        """Revoke the key at once. Return whether this call did it."""
        return bool(ApiKey.objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=Now()))


@dataclass(frozen=True)
class Allowance:
    """Rest of a key's rate limit in the last ``RATE_SECONDS``; ``fits`` tells whether the request was within it."""

    fits: bool
    left: int
    free_at: float  #: Unix time at which the oldest use leaves the window


class RateUseQuerySet(models.QuerySet["RateUse"]):
    """A sliding log under the key's lock, which is exact across processes."""

    def spend(self, key: ApiKey, weight: int, most: int, *, owed: int = 0) -> Allowance:
        """Count ``weight``, but no more than ``most``, if it fits into the rest of ``most``. Return the rest.

        ``owed`` is use that was allowed before without being recorded: it is counted in any case.
        """
        weight = min(weight, most)
        with transaction.atomic():
            ApiKey.objects.lock(key.pk)
            if owed:
                self.create(key=key, weight=owed)
            window = Now() - timedelta(seconds=RATE_SECONDS)
            found = self.filter(key=key, at__gt=window).aggregate(used=Sum("weight"), oldest=Min("at"))
            left = most - (found["used"] or 0)
            fits = weight <= left
            if fits:
                self.create(key=key, weight=weight)
            free_at = _moment(found["oldest"]) if fits else self._free_at(key, weight - left)
        return Allowance(fits, left - weight if fits else max(0, left), free_at + RATE_SECONDS)

    def used(self, key: ApiKey) -> int:
        """Return the recorded use of the last ``RATE_SECONDS``."""
        window = Now() - timedelta(seconds=RATE_SECONDS)
        return int(self.filter(key=key, at__gt=window).aggregate(used=Sum("weight"))["used"] or 0)

    def _free_at(self, key: ApiKey, wanted: int) -> float:
        """Return the time of the use that has to leave the window before ``wanted`` more fit."""
        window = Now() - timedelta(seconds=RATE_SECONDS)
        for at, weight in self.filter(key=key, at__gt=window).order_by("at").values_list("at", "weight"):
            wanted -= weight
            if wanted <= 0:
                return _moment(at)
        return time.time()


def _moment(at: datetime | None) -> float:
    return at.timestamp() if at else time.time()


class RateUse(models.Model):
    """One request with a key, with its weight in the rate limit."""

    key = models.ForeignKey(ApiKey, models.CASCADE, related_name="uses")
    weight = models.PositiveIntegerField()
    at = models.DateTimeField(db_default=Now())

    objects = RateUseQuerySet.as_manager()

    class Meta:
        indexes = (models.Index(fields=["key", "at"]),)

    def __str__(self) -> str:
        return f"{self.weight} at {self.at}"


class StoredResponse(models.Model):
    """The response to a create, returned again for a request with the same ``Idempotency-Key``.

    The row is inserted before the work, in the same transaction, so a second request with the key waits for the first.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    is_test = models.BooleanField(default=False)
    key = models.CharField(max_length=160)
    digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    body = models.TextField()  # text, because a JSON column may reorder fields
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = (models.Index(fields=["created_at"]),)
        constraints = (models.UniqueConstraint(fields=["owner", "is_test", "key"], name="imagery_response_once"),)

    def __str__(self) -> str:
        return self.key


def _digest(text: str) -> str:
    """Return a plain SHA-256: the text has 256 random bits, so no slow hash is needed."""
    return hashlib.sha256(text.encode()).hexdigest()
