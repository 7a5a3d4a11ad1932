"""The local engine on the rendered catalogue, whose mattes are known exactly."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageDraw, ImageOps

from example_project import catalogue
from example_project.catalogue import CATALOGUE
from product_imagery.conf import get_settings
from product_imagery.exceptions import PictureError, RequestError
from product_imagery.provider_kit.contract import Operation
from product_imagery.provider_kit.options import clean_options
from product_imagery.provider_kit.registry import get_offer, get_provider
from product_imagery.providers.local.engine import enhance
from product_imagery.providers.local.scenes import BACKDROPS
from tests.conftest import draw_product, encoded

_FOLDER = Path(catalogue.__file__).parent
_NAMES = ("mug-striped", "teapot-clay", "stool-teal", "vase-red")


@pytest.fixture
def make(tmp_path: Path, model_file: Path) -> Any:
    """Run one operation on a file or on bytes and return (picture, description) pairs."""

    def run(operation: str, source: Path | bytes, **options: Any) -> list[tuple[Image.Image, dict[str, Any]]]:
        path = source if isinstance(source, Path) else tmp_path / "source"
        if isinstance(source, bytes):
            path.write_bytes(source)
        declared = get_offer(get_provider("local"), operation).options
        made = enhance(
            source=str(path),
            folder=str(tmp_path),
            operation=operation,
            options=clean_options(declared, options),
            **get_settings().provider_settings(),
        )
        return [(_loaded(one["file"]["path"]), one) for one in made]

    return run


def _loaded(path: str) -> Image.Image:
    with Image.open(path) as opened:
        opened.load()
        return opened


def _photo(name: str) -> Path:
    return _FOLDER / "photos" / f"{name}.jpg"


def _truth(name: str) -> np.ndarray:
    return np.asarray(_loaded(str(_FOLDER / "mattes" / f"{name}.png")), np.float32) / 255


def test_mattes_agree_with_the_truth(make: Any) -> None:
    """The truth is exact: the catalogue is rendered. No photo may fail, and together they have to be good."""
    overlaps, errors = {}, {}
    for photo in CATALOGUE:
        ((picture, described),) = make("remove_background", _photo(photo.name))
        found, truth = np.asarray(picture.getchannel("A"), np.float32) / 255, _truth(photo.name)
        overlaps[photo.name] = ((found > 0.5) & (truth > 0.5)).sum() / ((found > 0.5) | (truth > 0.5)).sum()
        errors[photo.name] = float(np.abs(found - truth).mean())
        assert 0 < described["confidence"] <= 1
    assert min(overlaps.values()) > 0.8, overlaps
    assert sum(overlaps.values()) / len(overlaps) > 0.95, overlaps
    assert sum(errors.values()) / len(errors) < 0.01, errors


def test_the_old_background_does_not_show_at_the_edges(make: Any) -> None:
    """On a ground as red as none of the photo, the cut-out's edge pixels must not be tinted by the old ground."""
    blue = Image.new("RGB", (400, 300), (20, 40, 230))
    blue.paste((230, 200, 40), (120, 60, 280, 240))
    ((picture, _),) = make("remove_background", encoded(blue.resize((800, 600)), quality=95))
    pixels, alpha = np.asarray(picture.convert("RGB"), int), np.asarray(picture.getchannel("A"))
    edge = (alpha > 100) & (alpha < 250)
    assert (pixels[edge][:, 2] < 160).mean() > 0.9


def test_a_picture_that_is_cut_out_keeps_its_matte(make: Any) -> None:
    source = draw_product((300, 300), "RGBA")
    source.putalpha(Image.radial_gradient("L").resize((300, 300)).point(lambda v: 255 - v))
    ((picture, described),) = make("remove_background", encoded(source, "PNG"))
    assert ImageChops.difference(picture.getchannel("A"), source.getchannel("A")).getextrema() == (0, 0)
    assert described["confidence"] == 0.5  # it may as well be a photo that fades out: a person looks


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize(("ratio", "fill", "size"), [("1:1", 0.85, 0), ("4:5", 0.7, 1000), ("16:9", 0.95, 800)])
def test_white_is_white_and_the_product_has_its_share(make: Any, name: str, ratio: str, fill: float, size: int) -> None:
    ((picture, described),) = make("white_background", _photo(name), ratio=ratio, fill=fill, size=size)
    pixels = np.asarray(picture.convert("RGB"))
    product = (pixels < 245).any(axis=-1)  # by more than ten levels, as rules measure
    rows, columns = np.flatnonzero(product.any(axis=1)), np.flatnonzero(product.any(axis=0))
    box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    share = max((box[2] - box[0]) / picture.width, (box[3] - box[1]) / picture.height)
    assert fill <= share <= fill + 0.005
    assert described["report"]["share"] == pytest.approx(share, abs=0.0001)
    centre = ((box[0] + box[2]) / 2 / picture.width, (box[1] + box[3]) / 2 / picture.height)
    assert centre == pytest.approx((0.5, 0.5), abs=0.01)
    wide, high = (float(part) for part in ratio.split(":"))
    assert picture.width / picture.height == pytest.approx(wide / high, abs=0.01)
    assert not size or max(picture.size) == size
    outside = np.ones(product.shape, bool)
    outside[max(0, box[1] - 8) : box[3] + 8, max(0, box[0] - 8) : box[2] + 8] = False
    assert (pixels[outside] == 255).all()


@pytest.mark.parametrize("name", ["vase-red", "stool-teal"])
def test_exact_white_is_a_png_without_a_shade(make: Any, name: str) -> None:
    ((light, _),) = make("white_background", _photo(name), size=600)
    ((exact, described),) = make("white_background", _photo(name), size=600, exact_white=True)
    assert described["file"]["format"] == "png"
    ground = (np.asarray(light.convert("RGB")) >= 250).all(axis=-1)
    shades = np.asarray(exact.convert("RGB"))[ground]
    assert (shades == 255).all(axis=-1).mean() > 0.999


def test_a_shadow_and_another_colour_on_request(make: Any) -> None:
    ((plain, _),) = make("white_background", _photo("mug-striped"), size=600)
    ((shaded, _),) = make("white_background", _photo("mug-striped"), size=600, shadow=True)
    ((coloured, _),) = make("white_background", _photo("mug-striped"), size=600, background="#DDEEFF")
    assert np.asarray(shaded).mean() < np.asarray(plain).mean()
    assert np.abs(np.array(coloured.getpixel((5, 5))) - (0xDD, 0xEE, 0xFF)).max() <= 2


def test_the_sideways_photo_stands_upright(make: Any) -> None:
    stored, upright = Image.open(_photo("stool-teal")), _truth("stool-teal")
    assert stored.getexif()[0x0112] == 6
    ((picture, _),) = make("remove_background", _photo("stool-teal"))
    assert picture.size == upright.shape[::-1]


@pytest.mark.parametrize("scene", BACKDROPS)
def test_scenes_are_made_from_their_seed(make: Any, scene: str) -> None:
    first = make("scene", _photo("vase-red"), scene=scene, seed=5, size=500)
    again = make("scene", _photo("vase-red"), scene=scene, seed=5, size=500)
    assert first[0][1]["file"]["sha256"] == again[0][1]["file"]["sha256"]
    pixels = np.asarray(first[0][0].convert("L"), float)
    assert pixels.std() > 8
    assert first[0][1]["mark"] == "compositeSynthetic"


def test_at_least_ten_scenes_that_the_provider_declares() -> None:
    declared = {option.name: option for option in get_offer(get_provider("local"), "scene").options}
    assert set(declared["scene"].choices) == set(BACKDROPS)
    assert len(BACKDROPS) >= 10


def test_variants_differ(make: Any) -> None:
    made = make("scene", _photo("vase-red"), scene="marble", variants=3, size=400)
    assert len({described["file"]["sha256"] for _, described in made}) == 3
    assert [described["report"]["seed"] for _, described in made] == [1, 2, 3]


@pytest.mark.parametrize("factor", [2, 4])
def test_enlarging_is_at_least_as_true_as_lanczos(make: Any, factor: int) -> None:
    original = ImageOps.exif_transpose(Image.open(_photo("book-hardcover"))).crop((300, 200, 780, 680))
    small = original.resize((480 // factor, 480 // factor), Image.Resampling.BOX)
    ((picture, _),) = make("upscale", encoded(small, "PNG"), factor=str(factor))
    assert picture.size == original.size

    def error(candidate: Image.Image) -> float:
        return float(((np.asarray(candidate, float) - np.asarray(original, float)) ** 2).mean())

    assert error(picture) < error(small.resize(original.size, Image.Resampling.BICUBIC)) * 1.02


def test_enlarging_beyond_reason_is_refused(make: Any) -> None:
    with pytest.raises(PictureError, match="at most 100 MP"):
        make("upscale", encoded(Image.new("RGB", (3000, 3000), "red")), factor="4")


def test_expanding_touches_no_pixel_of_the_source(make: Any) -> None:
    source = _photo("mug-striped")
    content = encoded(ImageOps.exif_transpose(Image.open(source)), "PNG")
    ((picture, described),) = make("expand", content, ratio="2:1")
    inner = Image.open(io.BytesIO(content)).convert("RGB")
    assert picture.width / picture.height == pytest.approx(2, abs=0.01)
    left, top = (picture.width - inner.width) // 2, (picture.height - inner.height) // 2
    centre = picture.crop((left, top, left + inner.width, top + inner.height))
    assert ImageChops.difference(centre, inner).getbbox() is None
    assert described["report"]["method"] in ("mirror", "patch")
    assert "background_invented" in described["warnings"]


def test_expanding_a_plain_ground_continues_it(make: Any) -> None:
    ((picture, described),) = make("expand", encoded(draw_product((400, 300)), "PNG"), ratio="9:16")
    assert described["report"]["method"] == "plain"
    assert np.abs(np.asarray(picture, int)[:40] - (0xC8, 0xC8, 0xCC)).max() <= 3


def _framed(frame: str) -> Image.Image:
    """A photo of the catalogue with its background, in a transparent frame."""
    photo = Image.open(_photo("vase-red")).convert("RGB")
    photo.thumbnail((500, 500))
    width, height = photo.size
    if frame in ("bars", "one bar"):
        canvas = Image.new("RGBA", (width + 240, height))
        canvas.paste(photo, (120 if frame == "bars" else 0, 0))
        return canvas
    mask = Image.new("L", photo.size)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, width - 1, height - 1), width // 5, fill=255)
    photo.putalpha(mask)
    return photo


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
@pytest.mark.parametrize("frame", ["bars", "one bar", "corners"])
def test_a_photo_in_a_transparent_frame_is_no_cut_out(make: Any, frame: str, format: str) -> None:
    source = _framed(frame)
    before = np.asarray(source.getchannel("A")) > 128
    ((picture, _),) = make("remove_background", encoded(source, format))
    alpha = np.asarray(picture.getchannel("A")) > 128
    assert picture.size == source.size
    assert 0.02 < alpha.sum() / before.sum() < 0.6
    assert not (alpha & ~before).any()


def test_expanding_a_photo_in_a_transparent_frame_continues_its_ground(make: Any) -> None:
    ((picture, described),) = make("expand", encoded(_framed("bars"), "PNG"), ratio="2:1")
    assert picture.mode == "RGB"
    assert described["report"]["method"] != "pad"


def test_a_round_picture_is_left_to_a_person(make: Any) -> None:
    photo = Image.open(_photo("book-hardcover")).convert("RGB").resize((400, 400))
    mask = Image.new("L", photo.size)
    ImageDraw.Draw(mask).ellipse((0, 0, 399, 399), fill=255)
    photo.putalpha(mask)
    ((picture, described),) = make("remove_background", encoded(photo, "PNG"))
    cut = (np.asarray(picture.getchannel("A")) > 128).mean() < 0.6
    assert cut or (described["confidence"] <= 0.5 and "unsure_what_the_product_is" in described["warnings"])


@pytest.mark.parametrize("name", _NAMES)
def test_a_cut_out_of_the_catalogue_keeps_its_matte(make: Any, name: str) -> None:
    matte = _loaded(str(_FOLDER / "mattes" / f"{name}.png")).convert("L")
    photo = ImageOps.exif_transpose(Image.open(_photo(name))).convert("RGB").resize(matte.size)
    photo.putalpha(matte)
    ((picture, described),) = make("remove_background", encoded(photo, "PNG", compress_level=1))
    assert ImageChops.difference(picture.getchannel("A"), matte).getextrema() == (0, 0)
    assert described["confidence"] == 1


@pytest.mark.parametrize("format", ["PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("operation", ["white_background", "remove_background", "scene", "upscale", "expand"])
def test_a_transparent_picture_has_no_product(make: Any, operation: str, format: str) -> None:
    with pytest.raises(PictureError, match="completely transparent") as caught:
        make(operation, encoded(Image.new("RGBA", (300, 300)), format))
    assert caught.value.code == "nothing_found"


def test_expanding_beyond_reason_is_refused(make: Any) -> None:
    with pytest.raises(PictureError, match="at most 100 MP"):
        make("expand", encoded(Image.new("RGB", (12_000, 60), "red")), ratio="1:1")


def test_a_product_cut_by_the_frame_comes_with_a_warning(make: Any) -> None:
    cut = ImageOps.exif_transpose(Image.open(_photo("mug-striped"))).crop((0, 0, 600, 1100))
    ((_, described),) = make("white_background", encoded(cut), size=400)
    assert "touches_the_frame" in described["warnings"]
    assert described["warnings"][0] in get_provider("local").warning_texts


def test_editing_by_prompt_says_that_it_needs_another_provider() -> None:
    with pytest.raises(RequestError, match="These can: AI Gen Studio"):
        get_offer(get_provider("local"), Operation.EDIT)
