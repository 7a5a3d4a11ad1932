"""Test pictures: a product that is drawn here, enhanced with an account in the same way as the shop's own."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Q
from django.utils.translation import gettext

from product_imagery.exceptions import OptionError, RequestError, StateError
from product_imagery.flows.enhancements.specs import WorkSpec, spec_of_operation
from product_imagery.flows.enhancements.start import enhance
from product_imagery.imaging.sample import draw_sample
from product_imagery.models import Enhancement, EnhancementItem, Preset, ProviderCredential, Upload
from product_imagery.products import description_of
from product_imagery.storage import store
from product_imagery.storage.names import beside_upload
from product_imagery.storage.scratch import TEMPORARY


def work_of(credential: ProviderCredential) -> WorkSpec:
    """Return the cheapest work of the account's provider that needs no options, else the cheapest of its looks.

    Raises ``RequestError`` for an account that is switched off, and where there is neither.
    """
    found = list(_works(credential, ((operation, {}) for operation in credential.declared.offers)))
    if not found:
        looks = Preset.objects.filter(Q(credential=None) | Q(credential=credential), provider=credential.provider)
        found = list(_works(credential, looks.filter(is_active=True).values_list("operation", "options")))
    if not found:
        sentence = gettext("This provider needs options that only you know: add a look for it, then come back.")
        raise RequestError(sentence, code="no_work")
    return min(found, key=lambda spec: spec.cost_each)


def _works(credential: ProviderCredential, wanted: Iterable[tuple[str, dict[str, Any]]]) -> Iterator[WorkSpec]:
    for operation, options in wanted:
        with suppress(OptionError):
            yield spec_of_operation(operation, options, credential)


def make(credential: ProviderCredential, *, actor: AbstractBaseUser | None, most: Decimal) -> Enhancement:
    """Start a test picture that costs at most ``most``.

    Raises ``StateError`` while the account is paused, ``NothingToDo`` while one is being made, and what ``enhance``
    raises for the work.
    """
    if credential.paused_at:
        raise StateError(gettext("This account is paused. Resume it first; nothing was started."), code="paused")
    chosen = {description_of(Upload): [_source_of(credential).pk]}
    how: dict[str, Any] = {"channel": Enhancement.Channel.ADMIN, "actor": actor, "budget": most}
    return enhance(chosen, work_of(credential), fresh=True, auto_approve=True, **how).enhancement


def latest(credential: ProviderCredential) -> EnhancementItem | None:
    """Return the newest test picture of an account, if there is one."""
    content_type = description_of(Upload).content_type()
    items = EnhancementItem.objects.filter(content_type=content_type, object_id=str(credential.uuid))
    return items.select_related("enhancement__credential").order_by("-pk").first()


def _source_of(credential: ProviderCredential) -> Upload:
    """Store what is drawn, once for each account, and return its row, which has the account's own id."""
    drawn = draw_sample()
    with tempfile.TemporaryDirectory(prefix=TEMPORARY) as folder:
        path = Path(folder, "sample.jpg")
        path.write_bytes(drawn)
        digest = hashlib.sha256(drawn).hexdigest()
        name = store.keep(store.results_storage(), beside_upload(credential.uuid, path.name), path, digest)
    facts = {"name": gettext("Test picture of “%s”") % credential, "source": name, "kept": True}
    upload, _made = Upload.objects.update_or_create(
        pk=credential.uuid, defaults={**facts, "origin": f"sample:{digest}"}
    )
    return upload
