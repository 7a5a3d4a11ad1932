"""New pictures are compared with their sources; one whose product changed waits for a person."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from product_imagery.fidelity.judge import Bounds
from product_imagery.flows.results.fidelity import drift_in
from product_imagery.models import Preset, ResultImage
from product_imagery.states import Publication, Review
from tests.fidelity.products import bottle, placed, plain
from tests.flows.results.test_marketplace import _make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _compares(settings: Any) -> None:
    settings.PRODUCT_IMAGERY = {"PROCESSES": 1, "COMPARE_RESULTS": True}


def _photo() -> bytes:
    file = io.BytesIO()
    placed(bottle(), plain()).resize((400, 400), Image.Resampling.LANCZOS).save(file, "JPEG", quality=92)
    return file.getvalue()


def test_a_faithful_picture_is_published_with_its_numbers(make_product: Any) -> None:
    make_product(content=_photo())
    result = _make("larger", approve=True)
    drift = drift_in(result.report)
    assert drift is not None
    assert (drift.exceeded, drift.reason, drift.bounds) == ([], "", Bounds())
    assert (result.warnings, result.publication) == ([], Publication.PUBLISHED)


def test_a_picture_beyond_the_bounds_of_its_look_waits_for_a_person(make_product: Any) -> None:
    Preset.objects.filter(name="larger").update(most_colour=0)
    make_product(content=_photo())
    result = _make("larger", approve=True)
    assert (result.review, result.publication, result.warnings) == (Review.PENDING, Publication.NONE, ["drifted"])
    assert "The colour of the product changed visibly" in result.publication_note
    assert ResultImage.objects.count() == 1
