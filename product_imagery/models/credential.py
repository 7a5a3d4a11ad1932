"""Credentials: accounts at providers, as the shop stores them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import models
from django.db.models.functions import Coalesce, Greatest, Now
from django.utils.translation import gettext_lazy as _

from product_imagery.conf import get_settings
from product_imagery.encryption import Secret, seal, sealed_at, unseal
from product_imagery.exceptions import SecretError
from product_imagery.models.constraints import not_negative
from product_imagery.models.db_time import from_now
from product_imagery.provider_kit.contract import Counted, Limit, Offer, Provider
from product_imagery.provider_kit.registry import get_provider, provider_choices
from product_imagery.provider_kit.retry import backoff

KEY = "key"  #: name of the secret that every hosted provider has
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SKEW = 30.0  #: seconds: more than the resolution of ``Date`` and the delay of a slow network
OVERLAP = 7 * 86_400  #: seconds for which webhooks with the former secret, or to the former address, are still accepted


class CredentialQuerySet(models.QuerySet["ProviderCredential"]):
    """Credentials by permitted use."""

    def rested(self) -> CredentialQuerySet:
        """Filter those that are not in a cooldown after failed calls."""
        return self.filter(models.Q(cooldown_until=None) | models.Q(cooldown_until__lte=Now()))

    def readable(self) -> CredentialQuerySet:
        """Filter those with which jobs may be read now. A pause of creates does not stop reads of paid jobs."""
        return self.rested().filter(stops_reads=False)

    def may_create(self, pk: int) -> bool:
        """Return whether the wait after a lost create is over."""
        return self.filter(models.Q(creates_after=None) | models.Q(creates_after__lte=Now()), pk=pk).exists()

    def buying(self, pks: Collection[int]) -> set[int]:
        """Return the primary keys of those among ``pks`` with which new work may be sent."""
        return set(self.filter(pk__in=pks, is_active=True, paused_at=None).values_list("pk", flat=True))

    def for_provider(self, provider: str) -> ProviderCredential | None:
        """Return the oldest active credential of ``provider``, or ``None``.

        For a provider that needs no key, the credential is created on first use.
        """
        found = self.filter(provider=provider).order_by("-is_active", "pk").first()
        if found is None and not get_provider(provider).needs_credential:
            found, _made = self.get_or_create(provider=provider, label=get_provider(provider).label)
        return found if found is not None and found.is_active else None

    def called_at(self, address: uuid.UUID) -> ProviderCredential | None:
        """Return the active credential with this current or recent webhook id, or ``None``."""
        former = models.Q(former_webhook_uuid=address, moved_at__gt=from_now(-OVERLAP))
        return self.filter(models.Q(webhook_uuid=address) | former, is_active=True).first()

    def lock(self, pk: int) -> None:
        """Lock the row until the transaction ends. Limits and budgets are counted under this lock."""
        # SQLite has no row locks. There the transaction itself is the lock, once it has written.
        self.filter(pk=pk).update(label=models.F("label"))

    def locked(self, pk: int) -> ProviderCredential | None:
        """Lock the credential and return it, or ``None`` if not even reads are allowed now."""
        self.lock(pk)
        return self.readable().filter(pk=pk).first()


class ProviderCredential(models.Model):
    """One account at a provider.

    - ``is_active``: whether new work is allowed; ``paused_reason``: why the credential was paused.
    - ``sealed``: names of secrets → lists of ciphertexts, newest first.
    - ``webhook_uuid``: id in the address of its webhooks. The former address is accepted for ``OVERLAP`` seconds after
      ``moved_at``.
    - ``clock_skew``: seconds by which the provider's clock is ahead of ours, at the last notable change.
    - ``consecutive_failures``: while it is not 0, as for a new credential, creates are sent one at a time.
    - ``cooldown_until``: end of the cooldown after a failure.
    - ``lost_creates``: consecutive creates of unknown outcome. While it is not 0, a free call has to succeed before
      each create, and no create is sent before ``creates_after``.
    """

    webhook_uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    former_webhook_uuid = models.UUIDField(null=True, unique=True, editable=False)
    moved_at = models.DateTimeField(null=True, editable=False)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    provider = models.CharField(_("provider"), max_length=40, choices=provider_choices)
    label = models.CharField(_("name"), max_length=80, unique=True)
    base_url = models.CharField(
        _("base address"), max_length=200, blank=True, validators=[URLValidator(schemes=["https", "http"])]
    )
    sealed = models.JSONField(default=dict, editable=False)
    allowed_active = models.PositiveIntegerField(
        _("jobs at once"), null=True, blank=True, help_text=_("Empty: what the provider documents; 0: no limit.")
    )
    own_limits = models.JSONField(
        _("limits of its own"),
        default=dict,
        blank=True,
        help_text=_('Instead of the documented ones: {"requests": [60, 60]} is 60 requests in 60 seconds.'),
    )
    own_prices = models.JSONField(
        _("prices of its own"),
        default=dict,
        blank=True,
        help_text=_('Of one picture, by model or operation, instead of the documented ones: {"upscale": 25}.'),
    )
    readings = models.JSONField(default=dict, editable=False)
    budget_day = models.DecimalField(
        _("budget a day"),
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=_("In the provider's unit."),
    )
    budget_month = models.DecimalField(_("budget a month"), max_digits=12, decimal_places=2, null=True, blank=True)
    balance = models.DecimalField(
        _("balance at the provider"), max_digits=14, decimal_places=2, null=True, blank=True, editable=False
    )
    is_active = models.BooleanField(_("in use"), default=True)
    paused_at = models.DateTimeField(_("paused"), null=True, blank=True, editable=False)
    stops_reads = models.BooleanField(_("not even asked about work"), default=False, editable=False)
    awaits_key = models.BooleanField(default=False, editable=False)
    cooldown_until = models.DateTimeField(null=True, blank=True, editable=False)
    clock_skew = models.FloatField(default=0.0, editable=False)
    consecutive_failures = models.PositiveIntegerField(default=1, editable=False)
    lost_creates = models.PositiveIntegerField(default=0, editable=False)
    creates_after = models.DateTimeField(null=True, blank=True, editable=False)
    paused_reason = models.CharField(_("reason of the pause"), max_length=200, blank=True, editable=False)
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    objects = CredentialQuerySet.as_manager()

    class Meta:
        verbose_name = _("credential")
        verbose_name_plural = _("credentials")
        constraints = not_negative("credential", "budget_day", "budget_month")
        ordering = ("label",)

    def __str__(self) -> str:
        return self.label

    def pause(self, reason: str, *, stops_reads: bool, awaits_key: bool = False) -> bool:
        """Buy nothing with the credential until a person resumes it. Return whether this call paused it.

        ``stops_reads``: do not read jobs either, because the key is refused for that as well. ``awaits_key``: a new key
        ends the pause; a pause for another reason replaces such a pause.
        """
        mine = ProviderCredential.objects.filter(pk=self.pk)
        if stops_reads:
            mine.filter(stops_reads=False).update(stops_reads=True)
        weaker = models.Q(paused_at=None) if awaits_key else models.Q(paused_at=None) | models.Q(awaits_key=True)
        changes = {"paused_at": Now(), "paused_reason": reason[:200], "awaits_key": awaits_key}
        return bool(mine.filter(weaker).update(**changes))

    def slow_down(self, seconds: float = 0.0) -> None:
        """Start a cooldown of ``seconds``, or of a time that doubles with each consecutive failure.

        After it, creates are sent one at a time until one succeeds. Calls that were in flight when the cooldown began
        do not extend it, unless they give ``seconds``.
        """
        mine = ProviderCredential.objects.filter(pk=self.pk)
        until = Greatest(Coalesce("cooldown_until", Now()), from_now(seconds or backoff(self.consecutive_failures)))
        failures = models.F("consecutive_failures") + 1
        if not mine.rested().update(cooldown_until=until, consecutive_failures=failures) and seconds:
            mine.update(cooldown_until=until)

    def went_well(self) -> None:
        """Reset the consecutive failures after a successful response."""
        if self.consecutive_failures:
            ProviderCredential.objects.filter(pk=self.pk).update(consecutive_failures=0)

    def note_lost_create(self, seconds: float) -> None:
        """Record a create of unknown outcome: the next one waits ``seconds``, and for a free call that succeeds.

        Creates that were in flight together count as one.
        """
        mine = ProviderCredential.objects.filter(pk=self.pk)
        mine.update(creates_after=Greatest(Coalesce("creates_after", Now()), from_now(seconds)))
        mine.filter(lost_creates=self.lost_creates).update(lost_creates=self.lost_creates + 1)

    def note_create_answered(self) -> None:
        """Reset the count of lost creates after a create got a response of any kind."""
        if self.lost_creates:
            ProviderCredential.objects.filter(pk=self.pk).update(lost_creates=0, creates_after=None)

    def note_clock(self, skew: float | None) -> None:
        """Store a notable change of the provider's clock, which is needed to judge the age of its signatures."""
        if skew is not None and abs(skew - self.clock_skew) > _SKEW:
            self.clock_skew = skew  # all jobs of one acquisition share this object, so it is stored once
            ProviderCredential.objects.filter(pk=self.pk).update(clock_skew=skew)

    @property
    def may_buy(self) -> bool:
        """True if new work may be sent: active and not paused."""
        return self.is_active and self.paused_at is None

    @property
    def declared(self) -> type[Provider]:
        """Class of the provider."""
        return get_provider(self.provider)

    def clean(self) -> None:
        """Refuse limits and prices that cannot be read, and addresses to which the key would travel in the clear."""
        if self.declared.own_address and not self.base_url:
            needed = _("%(label)s has no address that is the same for everybody: enter yours, as in %(sample)s.")
            facts = {"label": self.declared.label, "sample": self.declared.base_url}
            raise ValidationError({"base_url": needed % facts})
        parts = urlsplit(self.base_url)
        here = parts.hostname in _LOOPBACK or parts.netloc in get_settings().fetch_allow
        if self.base_url and parts.scheme != "https" and not here:
            raise ValidationError({"base_url": _("The key would travel in the clear: write an https address.")})
        try:
            self._given_in_settings(KEY)
        except SecretError as error:
            raise ValidationError({"base_url": error.message}) from error
        try:
            self.limits()
        except (AttributeError, TypeError, ValueError) as error:
            known = ", ".join(Counted)
            sentence = _("Write {counted: [most, seconds]} with whole numbers above 0; counted is one of: %s.") % known
            raise ValidationError({"own_limits": sentence}) from error

        try:
            cheapest = min((Decimal(str(price)) for price in self.own_prices.values()), default=Decimal(0))
            if not 0 <= cheapest < Decimal("Infinity"):
                raise ValueError(cheapest)
        except (AttributeError, ArithmeticError, ValueError) as error:
            wrong = _("Write {model or operation: price} with prices from 0.")
            raise ValidationError({"own_prices": wrong}) from error

    def cost_of(self, operation: str, offer: Offer, options: Mapping[str, Any]) -> Decimal:
        """Return the cost of one picture: by ``own_prices`` for the model or the operation, else as documented."""
        own = [self.own_prices[name] for name in (options.get("model"), operation) if name in self.own_prices]
        return Decimal(str(own[0])) if own else offer.cost_of(options)

    def settings(self) -> dict[str, str]:
        """Return the choices in force: those that were made, else the first one of each field."""
        found = {}
        for field in self.declared.fields:
            if field.choices:
                chosen = self.readings.get(field.name)
                found[field.name] = chosen if chosen in field.choices else field.choices[0]
        return found

    def limits(self) -> tuple[Limit, ...]:
        """Return the limits in force: ``own_limits``, and the documented ones of other quantities.

        Raises ``AttributeError``, ``TypeError`` or ``ValueError`` if ``own_limits`` are malformed.
        """
        own = [Limit(Counted(name), int(most), int(seconds)) for name, (most, seconds) in self.own_limits.items()]
        if any(limit.most < 1 or limit.seconds < 1 for limit in own):
            raise ValueError(own)
        replaced = {limit.counted for limit in own}
        return (*own, *(limit for limit in self.declared.limits if limit.counted not in replaced))

    def active_limit(self) -> int:
        """Return the maximum of jobs at the provider at the same time; 0: no limit."""
        return self.declared.active_jobs if self.allowed_active is None else self.allowed_active

    @property
    def environment(self) -> str:
        """``sandbox`` or ``live`` if the key shows it; else empty, also if the key cannot be decrypted."""
        with suppress(SecretError):
            return self.declared().environment(self.secret().reveal())
        return ""

    def address(self) -> str:
        """Return the base URL of the provider's API."""
        return self.base_url or self.declared.base_url

    def secrets(self, name: str = KEY) -> tuple[Secret, ...]:
        """Return the secret ``name``: that of the settings, else the stored ones, newest first.

        The former secret is valid for ``OVERLAP`` seconds after it was replaced. Raises ``SecretError`` for a secret
        that was entered for another provider or address: it is never sent elsewhere, whoever edits the row.
        """
        given = self._given_in_settings(name)
        if given:
            return (Secret(given.strip()),)
        tokens = self.sealed.get(name, [])
        found = [unseal(token, self._place(name)) for token in tokens[:1]]
        if len(tokens) > 1 and time.time() - sealed_at(tokens[0]) < OVERLAP:
            with suppress(SecretError):  # the former one may be unreadable: perhaps that is why it was replaced
                found += [unseal(token, self._place(name)) for token in tokens[1:]]
        return tuple(found)

    def _given_in_settings(self, name: str) -> str:
        own = get_settings().keys.get(self.label)
        if own is None:
            return ""
        address = own.get("base_url") or self.declared.base_url
        if own["provider"] != self.provider or address.rstrip("/") != self.address().rstrip("/"):
            place = f"{own['provider']} at {own.get('base_url') or 'its documented address'}"
            sentence = f"The settings hold the key of “{self.label}” for {place}. It is not sent to {self.address()}:"
            raise SecretError(f"{sentence} correct KEYS or the base address.", code="secret_elsewhere")
        return str(own.get(name, ""))

    @property
    def secret_names(self) -> list[str]:
        """Names of all secrets that this credential can have."""
        return [KEY, *(field.name for field in self.declared.fields if field.secret)]

    def secret(self, name: str = KEY) -> Secret:
        """Return the newest secret ``name``; empty if there is none. Raises ``SecretError``."""
        return next(iter(self.secrets(name)), Secret(""))

    def set_secret(self, value: str, name: str = KEY) -> None:
        """Replace a secret. The former one stays valid for a while, for webhooks. The caller saves ``sealed``.

        The secret is bound to the current provider and address, so set ``base_url`` first.
        """
        self.sealed = {**self.sealed, name: [seal(value.strip(), self._place(name)), *self.sealed.get(name, [])[:1]]}

    def hint(self, name: str = KEY) -> str:
        """Return ``••••`` and the last four characters, a dash without a secret, or a note that it is unreadable."""
        try:
            found = self.secret(name)
        except SecretError:
            return str(_("unreadable: enter it again"))
        return found.hint if found else "–"

    def _place(self, name: str) -> str:
        return f"credential/{self.uuid}/{self.provider}/{self.base_url}/{name}"
