"""One picture by a process that has just begun, beside the rembg command line: python -m tests.benchmarks.cold

Both read a JPEG of 4 MP and write a PNG with a transparent ground, with the same model file. Ours is the imaging
process of a worker, from its start to the finished files, thumbnail included.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")

_OURS = (
    "import json, sys; from product_imagery.providers.local.engine import enhance; enhance(**json.loads(sys.argv[1]))"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    from product_imagery.conf import get_settings
    from product_imagery.provider_kit.registry import get_offer, get_provider
    from product_imagery.providers.local.catalogue import MATTING
    from product_imagery.providers.local.model import fetch
    from tests.benchmarks import peers

    model = fetch(MATTING, get_settings().models())
    folder = Path(tempfile.mkdtemp())
    (folder / "source.jpg").write_bytes(peers.photo(options.megapixels))
    declared = get_offer(get_provider("local"), "remove_background").clean({})
    work = {
        "source": str(folder / "source.jpg"), "folder": str(folder), "operation": "remove_background",
        "options": declared, **get_settings().provider_settings(),
    }  # fmt: skip
    arms = {"ours: a fresh imaging process": [sys.executable, "-c", _OURS, json.dumps(work)]}
    rembg = shutil.which("rembg", path=str(Path(sys.executable).parent))
    if rembg:
        peer = [rembg, "i", "-m", "u2netp", str(folder / "source.jpg"), str(folder / "peer.png")]
        arms["rembg: its command line"] = peer
    times: dict[str, list[float]] = {name: [] for name in arms}
    environment = {**os.environ, "U2NET_HOME": str(model.parent)}
    for number in range(options.rounds + 1):
        for name in random.sample(list(arms), len(arms)):
            took = peers.timed(lambda name=name: subprocess.run(arms[name], check=True, env=environment))
            if number:  # the first round fills the caches of the operating system
                times[name].append(took)
    first = statistics.median(times[next(iter(arms))])
    print(f"{options.megapixels:g} MP, cold, median of {options.rounds} (ratio to ours)")
    for name, values in times.items():
        print(f"  {name:34} {statistics.median(values) * 1000:7.0f} ms   {statistics.median(values) / first:5.2f}")


if __name__ == "__main__":
    main()
