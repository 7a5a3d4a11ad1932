"""Accounts at providers."""

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
from product_imagery.models.amounts import not_negative
from product_imagery.models.clock import from_now
from product_imagery.provider_kit.contract import Counted, Limit, Offer, Provider
from product_imagery.provider_kit.registry import get_provider, provider_choices
from product_imagery.provider_kit.retry import backoff

KEY = "key"  #: the name of the secret that every hosted provider has
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SKEW = 30.0  #: seconds: the resolution of ``Date`` and a slow network are less
OVERLAP = 7 * 86_400  #: seconds in which webhooks with the secret, or to the address before are still taken


class CredentialQuerySet(models.QuerySet["ProviderCredential"]):
    """Accounts by what may be done with them."""

    def rested(self) -> CredentialQuerySet:
        """With which something may be sent now, as far as their providers' troubles go."""
        return self.filter(models.Q(resting_until=None) | models.Q(resting_until__lte=Now()))

    def readable(self) -> CredentialQuerySet:
        """Whose work may be asked about now: what is paid for is collected although nothing new is bought."""
        return self.rested().filter(stops_reads=False)

    def may_create(self, pk: int) -> bool:
        """Whether the wait after a lost create is over."""
        return self.filter(models.Q(creates_after=None) | models.Q(creates_after__lte=Now()), pk=pk).exists()

    def buying(self, pks: Collection[int]) -> set[int]:
        """Keys of those of these accounts with which new work may be sent."""
        return set(self.filter(pk__in=pks, is_active=True, paused_at=None).values_list("pk", flat=True))

    def for_provider(self, provider: str) -> ProviderCredential | None:
        """The oldest usable account at ``provider``; one that needs no key is made when first asked for."""
        found = self.filter(provider=provider).order_by("-is_active", "pk").first()
        if found is None and not get_provider(provider).needs_credential:
            found, _made = self.get_or_create(provider=provider, label=get_provider(provider).label)
        return found if found is not None and found.is_active else None

    def called_at(self, address: uuid.UUID) -> ProviderCredential | None:
        """The account in use whose address for webhooks holds this, or has held it lately."""
        former = models.Q(former_webhook_uuid=address, moved_at__gt=from_now(-OVERLAP))
        return self.filter(models.Q(webhook_uuid=address) | former, is_active=True).first()

    def lock(self, pk: int) -> None:
        """Lock an account until the transaction ends: limits and budgets are counted under this lock."""
        # SQLite has no row locks: there the transaction itself is the lock, once it has written.
        self.filter(pk=pk).update(label=models.F("label"))

    def locked(self, pk: int) -> ProviderCredential | None:
        """The account under its lock, if it may be used for anything now."""
        self.lock(pk)
        return self.readable().filter(pk=pk).first()


class ProviderCredential(models.Model):
    """One account at a provider. ``is_active`` off: no new work; ``paused_reason``: why it pauses by itself.

    ``sealed`` maps names of secrets to lists of ciphertexts, newest first. ``webhook_uuid`` is in the address where its
    provider calls; calls to the one before are taken for ``OVERLAP`` seconds after ``moved_at``. ``clock_skew`` is how
    many seconds the provider's clock was ahead of ours, when that was last worth noting. ``troubles`` counts calls that
    failed in a row; while it is not 0, as with a new account, creates are sent one at a time. ``lost_creates`` counts
    creates in a row of which it is not known whether they arrived: while it is not 0, a call that costs nothing has to
    go well before each create, of which none is sent before ``creates_after``.
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
    resting_until = models.DateTimeField(null=True, blank=True, editable=False)
    clock_skew = models.FloatField(default=0.0, editable=False)
    troubles = models.PositiveIntegerField(default=1, editable=False)
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
        """Buy nothing with the account until somebody resumes it; true for the one call that did it.

        ``stops_reads``: do not even ask about work that is under way, as its key is not accepted for that either.
        ``awaits_key``: a new key ends the pause. A pause of another kind takes the place of such a one.
        """
        mine = ProviderCredential.objects.filter(pk=self.pk)
        if stops_reads:
            mine.filter(stops_reads=False).update(stops_reads=True)
        weaker = models.Q(paused_at=None) if awaits_key else models.Q(paused_at=None) | models.Q(awaits_key=True)
        changes = {"paused_at": Now(), "paused_reason": reason[:200], "awaits_key": awaits_key}
        return bool(mine.filter(weaker).update(**changes))

    def slow_down(self, seconds: float = 0.0) -> None:
        """Nothing is sent for so long, or for longer each time, and then one create at a time until one goes well.

        What was under way with the call that began the rest does not make it longer, unless it was told to.
        """
        mine = ProviderCredential.objects.filter(pk=self.pk)
        until = Greatest(Coalesce("resting_until", Now()), from_now(seconds or backoff(self.troubles)))
        if not mine.rested().update(resting_until=until, troubles=models.F("troubles") + 1) and seconds:
            mine.update(resting_until=until)

    def went_well(self) -> None:
        """A good answer ends the slowing down."""
        if self.troubles:
            ProviderCredential.objects.filter(pk=self.pk).update(troubles=0)

    def note_lost_create(self, seconds: float) -> None:
        """It is not known whether a create arrived: the next one goes after so many seconds, and after a free call.

        Those that were under way together count as one.
        """
        mine = ProviderCredential.objects.filter(pk=self.pk)
        mine.update(creates_after=Greatest(Coalesce("creates_after", Now()), from_now(seconds)))
        mine.filter(lost_creates=self.lost_creates).update(lost_creates=self.lost_creates + 1)

    def note_create_answered(self) -> None:
        """A create was answered, whatever the answer was: that ends the caution after lost ones."""
        if self.lost_creates:
            ProviderCredential.objects.filter(pk=self.pk).update(lost_creates=0, creates_after=None)

    def note_clock(self, skew: float | None) -> None:
        """A provider's clock that goes otherwise than it did: signatures of its calls will look too old or too new."""
        if skew is not None and abs(skew - self.clock_skew) > _SKEW:
            self.clock_skew = skew  # the same object for all jobs of a claim: noted once
            ProviderCredential.objects.filter(pk=self.pk).update(clock_skew=skew)

    @property
    def may_buy(self) -> bool:
        """Whether new work may be sent: in use and not paused."""
        return self.is_active and self.paused_at is None

    @property
    def declared(self) -> type[Provider]:
        """The provider's class."""
        return get_provider(self.provider)

    def clean(self) -> None:
        """Refuse limits that cannot be counted, and addresses at which anybody could read the key on its way."""
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
        """What one picture costs: as the account has it for the model or the operation, else as documented."""
        own = [self.own_prices[name] for name in (options.get("model"), operation) if name in self.own_prices]
        return Decimal(str(own[0])) if own else offer.cost_of(options)

    def settings(self) -> dict[str, str]:
        """The readings in force: those that were chosen, else the first of each."""
        found = {}
        for field in self.declared.fields:
            if field.choices:
                chosen = self.readings.get(field.name)
                found[field.name] = chosen if chosen in field.choices else field.choices[0]
        return found

    def limits(self) -> tuple[Limit, ...]:
        """The limits in force: the documented ones, each replaced where the account has its own."""
        own = [Limit(Counted(name), int(most), int(seconds)) for name, (most, seconds) in self.own_limits.items()]
        if any(limit.most < 1 or limit.seconds < 1 for limit in own):
            raise ValueError(own)
        replaced = {limit.counted for limit in own}
        return (*own, *(limit for limit in self.declared.limits if limit.counted not in replaced))

    def active_limit(self) -> int:
        """How many jobs the provider may have at once; 0 for no limit."""
        return self.declared.active_jobs if self.allowed_active is None else self.allowed_active

    @property
    def environment(self) -> str:
        """``sandbox`` or ``live`` where keys of this provider tell; empty also where the key cannot be read."""
        with suppress(SecretError):
            return self.declared().environment(self.secret().reveal())
        return ""

    def address(self) -> str:
        """The base address of the provider's API."""
        return self.base_url or self.declared.base_url

    def secrets(self, name: str = KEY) -> tuple[Secret, ...]:
        """The secret ``name``: that of the settings, else what is stored, newest first.

        The one before the newest is good for ``OVERLAP`` seconds after its successor came. Raises ``SecretError`` for a
        secret that was given for another provider or address: it is sent nowhere else, whoever edits the row.
        """
        given = self._given_in_settings(name)
        if given:
            return (Secret(given.strip()),)
        tokens = self.sealed.get(name, [])
        found = [unseal(token, self._place(name)) for token in tokens[:1]]
        if len(tokens) > 1 and time.time() - sealed_at(tokens[0]) < OVERLAP:
            with suppress(SecretError):  # of the one before: that is why it was entered anew
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
        """Names of all secrets that this account may have."""
        return [KEY, *(field.name for field in self.declared.fields if field.secret)]

    def secret(self, name: str = KEY) -> Secret:
        """The newest secret ``name``; empty when there is none. Raises ``SecretError``."""
        return next(iter(self.secrets(name)), Secret(""))

    def set_secret(self, value: str, name: str = KEY) -> None:
        """Replace a secret; the one before stays good for a while, for webhooks. The caller saves ``sealed``.

        It is bound to the provider and the address of this moment: set ``base_url`` first.
        """
        self.sealed = {**self.sealed, name: [seal(value.strip(), self._place(name)), *self.sealed.get(name, [])[:1]]}

    def hint(self, name: str = KEY) -> str:
        """``••••`` and the last four characters, a dash without a secret, or that it cannot be read."""
        try:
            found = self.secret(name)
        except SecretError:
            return str(_("unreadable: enter it again"))
        return found.hint if found else "–"

    def _place(self, name: str) -> str:
        return f"credential/{self.uuid}/{self.provider}/{self.base_url}/{name}"
