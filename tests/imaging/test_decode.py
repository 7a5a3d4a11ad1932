"""Foreign files: what is accepted comes out upright, in sRGB and bare; what is not gets its own sentence."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageCms, ImageFile, ImageStat

from product_imagery.conf import Settings
from product_imagery.exceptions import PictureError
from product_imagery.imaging.decode import open_picture
from product_imagery.imaging.limits import Limits
from tests.conftest import draw_product, encoded

_ORIENTATION, _GPS, _ARTIST = 0x0112, 0x8825, 0x013B


def _refused(tmp_path: Path, content: bytes, limits: Limits | None = None) -> str:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(PictureError) as caught:
        open_picture(path, limits)
    assert caught.value.message.endswith(".")
    return caught.value.code


def _opened(tmp_path: Path, content: bytes) -> Image.Image:
    path = tmp_path / "file"
    path.write_bytes(content)
    return open_picture(path).image


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_reads_the_formats_shops_have(tmp_path: Path, format: str) -> None:
    picture = _opened(tmp_path, encoded(draw_product(), format))
    assert (picture.mode, picture.size) == ("RGB", (240, 200))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"<html>no picture</html>", "not_an_image"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "unsupported_format"),
        (b"%PDF-1.7 anything", "unsupported_format"),
        (encoded(draw_product(), "GIF"), "unsupported_format"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(40), "unsupported_format"),
        (encoded(draw_product(), "BMP"), "unsupported_format"),
        (encoded(draw_product())[:-900], "damaged"),
        (encoded(draw_product((400, 8)), "PNG"), "too_small"),
    ],
)
def test_refuses_what_it_cannot_use(tmp_path: Path, content: bytes, code: str) -> None:
    assert _refused(tmp_path, content) == code


def test_refuses_a_pixel_bomb_from_its_header(tmp_path: Path) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    header = (30000).to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(3000)))
    assert _refused(tmp_path, bomb) == "too_many_pixels"


def test_refuses_more_bytes_than_allowed(tmp_path: Path) -> None:
    assert _refused(tmp_path, encoded(draw_product()), Limits(max_bytes=500)) == "too_many_bytes"


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_refuses_an_animation(tmp_path: Path, format: str) -> None:
    frames = [draw_product(colour=colour) for colour in ("red", "green", "blue")]
    assert _refused(tmp_path, encoded(frames[0], format, save_all=True, append_images=frames[1:])) == "animated"


def test_takes_the_first_picture_of_a_phone_s_mpo(tmp_path: Path) -> None:
    second = draw_product(colour="blue")
    picture = _opened(tmp_path, encoded(draw_product(), "MPO", save_all=True, append_images=[second]))
    assert picture.getpixel((120, 110))[0] > 150


@given(cut=st.floats(0.02, 0.93), format=st.sampled_from(["JPEG", "PNG", "WEBP"]))
@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_refuses_a_file_cut_anywhere(tmp_path: Path, cut: float, format: str) -> None:
    whole = encoded(draw_product(), format)
    assert _refused(tmp_path, whole[: int(len(whole) * cut)]) in ("damaged", "not_an_image")


def test_refuses_a_cut_file_where_the_host_accepts_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as django-stdimage does when it renders
    assert _refused(tmp_path, encoded(draw_product())[:-900]) == "damaged"
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


def test_turns_the_picture_upright_once_and_leaves_personal_data_behind(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[_ORIENTATION] = 6
    exif[_ARTIST] = "Jane Private"
    exif.get_ifd(_GPS)[1] = "N"
    content = encoded(draw_product((300, 200)), exif=exif, comment=b"secret comment")
    picture = _opened(tmp_path, content)
    assert picture.size == (200, 300)
    again = encoded(picture)
    assert b"Jane" not in again
    assert b"secret" not in again
    assert not Image.open(io.BytesIO(again)).getexif()


@pytest.mark.parametrize("mode", ["CMYK", "L", "1", "P", "LA", "I;16", "RGBA"])
def test_converts_every_mode_to_eight_bit_rgb(tmp_path: Path, mode: str) -> None:
    base = draw_product()
    picture = base.convert("L").convert("I;16") if mode == "I;16" else base.convert(mode)
    if mode == "I;16":
        picture = Image.frombytes("I;16", base.size, b"".join(v.to_bytes(2, "little") for v in _wide(base)))
    opened = _opened(tmp_path, encoded(picture, "JPEG" if mode == "CMYK" else "PNG"))
    assert opened.mode == "RGB"
    expected = base.convert("L").getpixel((10, 10))
    assert abs(opened.convert("L").getpixel((10, 10)) - expected) <= (60 if mode == "1" else 6)


def _wide(picture: Image.Image) -> list[int]:
    return [value * 257 for value in picture.convert("L").get_flattened_data()]


def test_keeps_real_transparency(tmp_path: Path) -> None:
    picture = draw_product(mode="RGBA")
    picture.putpixel((0, 0), (0, 0, 0, 0))
    assert _opened(tmp_path, encoded(picture, "PNG")).mode == "RGBA"


def test_converts_colours_by_the_embedded_profile(tmp_path: Path) -> None:
    lab_like = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ"))
    plain = _opened(tmp_path, encoded(draw_product()))
    broken = _opened(tmp_path, encoded(draw_product(), icc_profile=b"not a profile"))
    assert plain.tobytes() == broken.tobytes()
    assert _opened(tmp_path, encoded(draw_product(), icc_profile=lab_like.tobytes())).mode == "RGB"


def test_a_file_s_name_decides_nothing_and_its_tail_is_dropped(tmp_path: Path) -> None:
    content = encoded(draw_product(), "PNG") + b"<script>alert(1)</script>"
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    opened = open_picture(path)
    assert opened.format == "PNG"
    assert b"script" not in encoded(opened.image)


@pytest.mark.parametrize("size", [(8064, 6048), (9504, 6336), (14_000, 2_000)])
def test_photos_of_present_cameras_are_within_the_limits(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "file"
    path.write_bytes(encoded(Image.new("L", size, 90)))
    image, limits = open_picture(path, Limits(**Settings().bounds())).image, Limits()
    assert image.size == size
    assert Settings().bounds().items() <= vars(limits).items()


@pytest.mark.parametrize("mode", ["RGB", "CMYK", "L"])
def test_a_jpeg_is_decoded_only_as_large_as_is_enough(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(draw_product((1200, 900), mode)))
    small, whole = open_picture(path, enough=250).image, open_picture(path).image
    assert (small.size, small.mode) == ((300, 225), "RGB")
    assert whole.size == (1200, 900)
    assert max(ImageStat.Stat(ImageChops.difference(small, whole.reduce(4))).mean) < 3


def test_a_refusal_names_the_setting(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(encoded(draw_product()))
    for limits, name in ((Limits(max_pixels=40_000), "MAX_PIXELS"), (Limits(max_side=239), "MAX_SIDE")):
        with pytest.raises(PictureError, match=f"240×200 pixels.*{name}.*Save a smaller copy"):
            open_picture(path, limits)
    with pytest.raises(PictureError, match="MAX_PIXELS"):
        open_picture(path, Limits(max_pixels=20_000))
