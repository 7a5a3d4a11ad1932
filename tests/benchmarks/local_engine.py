"""Speed of the local engine beside the rembg library and a floor: python -m tests.benchmarks.local_engine

Arms are interleaved and shuffled; medians are printed, and ratios within this run. Install ``rembg[cpu]`` to see the
peer beside it.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 4, 12, 24])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    from product_imagery.conf import get_settings
    from product_imagery.imaging.sandbox import ImagingPool, PoolLimits
    from product_imagery.provider_kit.registry import get_offer, get_provider
    from product_imagery.providers.local.catalogue import MATTING
    from product_imagery.providers.local.inference import ModelSpec
    from product_imagery.providers.local.model import fetch
    from tests.benchmarks import peers

    model = fetch(MATTING, get_settings().models())
    folder = Path(tempfile.mkdtemp())

    def ours(operation: str, **chosen: Any) -> Callable[[bytes], object]:
        declared = get_offer(get_provider("local"), operation).clean(chosen)

        def run(content: bytes) -> object:
            (folder / "source").write_bytes(content)
            return pools[-1].run(
                "product_imagery.providers.local.engine:enhance",
                source=str(folder / "source"), folder=str(folder), operation=operation, options=declared,
                **get_settings().provider_settings(),
            )  # fmt: skip

        return run

    pools: list[ImagingPool] = []
    beside = peers.peer(model)
    for megapixels in options.megapixels:
        pools.append(ImagingPool(PoolLimits(processes=1)))
        content = peers.photo(megapixels)
        longest = round((megapixels * 1e6 * 4 / 3) ** 0.5)
        arms: dict[str, Callable[[bytes], object]] = {
            "floor: Pillow + numpy + ONNX Runtime, white JPEG": peers.floor_white(ModelSpec(str(model))),
            "ours: white_background, JPEG of the source's size": ours("white_background", ratio="source", size=longest),
            "ours: white_background, as a merchant gets it": ours("white_background"),
            "ours: remove_background, PNG": ours("remove_background"),
        }
        if beside:
            arms |= {"rembg: white JPEG": beside[0], "rembg: PNG": beside[1]}
        _measure(megapixels, arms, content, options.rounds)
        peak = pools[-1].run("tests.benchmarks.local_engine:peak")
        print(f"  peak memory of the imaging process over all of this: {peak / 1024:.0f} MB")
        pools[-1].close()


def _measure(megapixels: float, arms: dict[str, Callable[[bytes], object]], content: bytes, rounds: int) -> None:
    from tests.benchmarks import peers

    times: dict[str, list[float]] = {name: [] for name in arms}
    for run in arms.values():
        run(content)
    for _ in range(rounds):
        for name in random.sample(list(arms), len(arms)):
            times[name].append(peers.timed(lambda name=name: arms[name](content)))
    first = statistics.median(times[next(iter(arms))])
    print(f"\n{megapixels:g} MP, median of {rounds} (ratio to the floor)")
    for name, values in times.items():
        middle = statistics.median(values)
        print(f"  {name:52} {middle * 1000:7.0f} ms   {middle / first:5.2f}")
    sys.stdout.flush()


def peak() -> int:
    """Largest resident size of the process that calls it, in KiB (``ru_maxrss`` would count its parent's as well)."""
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)


if __name__ == "__main__":
    main()
