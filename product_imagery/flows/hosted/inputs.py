"""Inputs: the sources of a create, each in the form that its provider takes, before anything is sent or spent."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from django.utils.translation import gettext

from product_imagery.conf import get_settings
from product_imagery.exceptions import ImageryError, RequestError
from product_imagery.flows.hosted.values import Call
from product_imagery.imaging.encode import FORMATS
from product_imagery.imaging.growth import check_growth
from product_imagery.imaging.sandbox import ImagingPool
from product_imagery.models import EnhancementItem
from product_imagery.provider_kit.contract import Form, JobInput
from product_imagery.public_urls import source_address
from product_imagery.sources import public_address, read_source
from product_imagery.states import JobState
from product_imagery.storage import store
from product_imagery.storage.names import result_name
from product_imagery.storage.workspace import Place


@dataclass(frozen=True)
class Inputs:
    """Sources of a create, with their digests (SHA-256) by item, and errors by item whose source is unusable."""

    inputs: tuple[JobInput, ...] = ()
    bad: dict[int, ImageryError] = field(default_factory=dict)
    digests: dict[int, str] = field(default_factory=dict)


def prepare_inputs(call: Call, place: Place, pool: ImagingPool) -> Inputs:
    """Prepare the sources of a create. For a poll or a look-up, only name the items.

    A source that is unusable for good is left out with its error in ``bad``, and the others are sent.
    Raises ``ImageryError`` where trying again may help, or where there is only one.
    """
    if call.job.state != JobState.SENDING:
        return Inputs(tuple(JobInput(item.pk, item.uuid.hex) for item in call.items))
    prepared, inputs = Inputs(), []
    for item in call.items:
        try:
            inputs.append(_source(item, call, prepared.digests, place, pool))
        except ImageryError as error:
            if not error.is_final or len(call.items) == 1:
                raise
            prepared.bad[item.pk] = error
    return replace(prepared, inputs=tuple(inputs))


def _source(item: EnhancementItem, call: Call, digests: dict[int, str], place: Place, pool: ImagingPool) -> JobInput:
    """Return the source in the form that the provider takes: a name, an address or a file.

    It is a copy where the source is too large for the provider or of another format. Raises ``ImageryError``, also for
    a file that is no picture: a provider charges for it all the same.
    """
    if item.pk in call.gone:
        sentence = gettext("The product, or this picture of it, no longer exists: nothing was sent or spent.")
        raise RequestError(sentence, code="product_gone")
    external_id, description, provider = item.uuid.hex, call.descriptions[item.pk], call.provider
    form = provider.form_in(call.job.credential.settings())
    storage, name = description.storage, item.source_name
    path = place.source(item.pk)
    if form is Form.NAME:
        if call.grows and storage.exists(name):
            read_source(storage, name, path)
            _check_growth(call, path, None, pool)
        return JobInput(item.pk, external_id, name=item.source_name)
    digests[item.pk] = read_source(storage, name, path, item.source_url)
    wanted = {"most_bytes": provider.max_source_bytes, "formats": list(provider.formats)}
    bounds = get_settings().bounds()
    copy = pool.run("product_imagery.imaging.fit:fit", source=str(path), stem=str(path), limits=bounds, **wanted)
    if copy:
        place.taken.append(Path(copy["path"]))
    _check_growth(call, path, copy, pool)
    if form is not Form.URL:
        return JobInput(item.pk, external_id, path=Path(copy["path"]) if copy else path)
    signed = source_address(str(item.uuid))
    address = _address_of_copy(item, copy) if copy else public_address(storage, name, signed)
    return JobInput(item.pk, external_id, url=address)


def _check_growth(call: Call, path: Path, copy: dict[str, Any] | None, pool: ImagingPool) -> None:
    """Check that the result will be within our own limits. Raises ``PictureError``."""
    growth, most = call.grows, get_settings().result_bounds()
    if not growth:
        return
    if copy:
        check_growth((copy["width"], copy["height"]), growth, most)
    else:
        bounds = get_settings().bounds()
        check = "product_imagery.imaging.growth:check_source"
        pool.run(check, source=str(path), growth=growth, most=most, limits=bounds)


def _address_of_copy(item: EnhancementItem, made: dict[str, Any]) -> str:
    """Store a fitted copy beside the item's results; return the address from which the provider can fetch it."""
    storage = store.results_storage()
    name = result_name(item.uuid, made["sha256"], FORMATS[made["format"]][1], "source-")
    kept = store.keep(storage, name, Path(made["path"]), made["sha256"])
    return public_address(storage, kept, source_address(str(item.uuid), kept.rpartition("/")[2]))
