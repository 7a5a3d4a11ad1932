"""Screenshots of every page: python -m tests.screenshots FOLDER [--themes stock unfold] [--pages start] [--language de]

Each page is shown in the states that the shop of ``tests.workbench.shop`` is in, on desktop and phone, light and dark.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from pathlib import Path

from tests.workbench.browser import SCHEMES, SIZES, chromium
from tests.workbench.server import running

THEMES = ("stock", "unfold", "jazzmin", "grappelli")  # those of tests.workbench.settings, which need Django


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--themes", nargs="+", default=["stock"], choices=THEMES)
    parser.add_argument("--pages", nargs="+", help="beginnings of the names of pages; all by default")
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), choices=SIZES)
    parser.add_argument("--schemes", nargs="+", default=list(SCHEMES), choices=SCHEMES)
    parser.add_argument("--language", default="en")
    options = parser.parse_args()
    for theme in options.themes:
        _shoot(theme, options.folder / theme, options)


def _shoot(theme: str, folder: Path, options: argparse.Namespace) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    names = tuple(options.pages or [""])
    with (
        tempfile.TemporaryDirectory() as work,
        running(theme, Path(work), language=options.language) as site,
        chromium(site, Path(work, "profile")) as browser,
    ):
        browser.log_in()
        for page in site.pages:
            if page.name.startswith(names):
                for size, scheme in itertools.product(options.sizes, options.schemes):
                    browser.open(page, size, scheme)
                    browser.shoot(folder / f"{page.name}-{size}-{scheme}.png")
                print(f"{theme}: {page.name}", flush=True)


if __name__ == "__main__":
    main()
