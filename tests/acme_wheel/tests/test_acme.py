"""Acme keeps the promises of a provider. No Django, no network."""

from __future__ import annotations

import pytest
from acme_imagery.stand_in import AcmeStandIn

from product_imagery.testing.bench import Bench
from product_imagery.testing.conformance import CASES, Case


@pytest.mark.parametrize("case", CASES)
def test_acme_keeps_the_promises(case: Case) -> None:
    case(AcmeStandIn)


def test_options_and_reference_are_sent() -> None:
    with Bench(AcmeStandIn) as bench:
        job = bench.job()
        bench.run(bench.provider.submit(job))
        (charge,) = bench.stand_in.charges
    assert charge.body == {
        "reference": job.mark,
        "image_url": job.inputs[0].url,
        "colour": "#FFFFFF",
        "size": "large",
    }
