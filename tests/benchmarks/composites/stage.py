"""A picture in the making: a ground on which products are placed, with shadows, and the exact matte of the product."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageFilter

SIZE = (840, 840)


class Stage:
    """A photo and its matte. Positions and sizes are shares of the frame."""

    def __init__(self, ground: Image.Image, rng: np.random.Generator, shadow: float = 0.4, noise: float = 3.0) -> None:
        """Begin with an ``RGB`` ground. ``shadow`` is its darkness 0…1, ``noise`` that of the sensor, in levels."""
        self.photo, self.matte = ground.copy(), Image.new("L", ground.size)
        self._rng, self._shadow, self._noise = rng, shadow, noise

    def place(
        self,
        thing: Image.Image,
        middle: float,
        foot: float,
        height: float,
        *,
        most_width: float = 0.86,
        belongs: bool = True,
        flat: bool = False,
    ) -> None:
        """Place an ``RGBA`` thing with its shadow: standing, or lying ``flat``. Only what ``belongs`` is in the matte.

        ``middle`` is that of its width, ``foot`` its lowest row.
        """
        fitted = self._fitted(thing, height, most_width)
        left = round(middle * self.photo.width - fitted.width / 2)
        top = round(foot * self.photo.height - fitted.height)
        alpha = Image.new("L", self.photo.size)
        alpha.paste(fitted.getchannel("A"), (left, top))
        self._darken(alpha, flat)
        self._paste(fitted, left, top, alpha)
        if belongs:
            self.matte = _over(self.matte, alpha)
        else:
            self.matte = ImageChops.multiply(self.matte, ImageChops.invert(alpha))

    def cover(self, thing: Image.Image, middle: float, foot: float, height: float) -> None:
        """Place something in front of the product, without a shadow, that does not belong to it."""
        shadow, self._shadow = self._shadow, 0.0
        self.place(thing, middle, foot, height, belongs=False)
        self._shadow = shadow

    def finished(self) -> Image.Image:
        """Return the photo as a camera would store it: slightly soft and noisy."""
        soft = self.photo.filter(ImageFilter.GaussianBlur(0.4 if self._noise else 0))
        noise = self._rng.normal(0, 1, (soft.height, soft.width, 3)) * self._noise
        return Image.fromarray(np.clip(np.asarray(soft, np.float32) + noise, 0, 255).astype(np.uint8))

    def _fitted(self, thing: Image.Image, height: float, most_width: float) -> Image.Image:
        factor = min(height * self.photo.height / thing.height, most_width * self.photo.width / thing.width)
        size = (max(8, round(thing.width * factor)), max(8, round(thing.height * factor)))
        return thing.resize(size, Image.Resampling.LANCZOS)

    def _darken(self, alpha: Image.Image, flat: bool) -> None:
        """Draw the shadow that the thing throws on the ground: along its foot, or all round if it lies flat."""
        box = alpha.getbbox()
        if not self._shadow or box is None:
            return
        shadow = Image.new("L", alpha.size)
        if flat:
            shadow.paste(alpha, (5, 8))
            blurred = shadow.filter(ImageFilter.GaussianBlur(7))
        else:
            low = max(6, (box[3] - box[1]) // 7)
            squashed = alpha.crop(box).resize((box[2] - box[0], low))
            shadow.paste(squashed, (box[0] + low // 3, box[3] - low // 2 - 2))
            blurred = shadow.filter(ImageFilter.GaussianBlur(max(3, low / 4)))
        light = blurred.point([round(255 - value * self._shadow) for value in range(256)])
        self.photo = ImageChops.multiply(self.photo, Image.merge("RGB", [light] * 3))

    def _paste(self, thing: Image.Image, left: int, top: int, alpha: Image.Image) -> None:
        layer = Image.new("RGB", self.photo.size)
        layer.paste(thing.convert("RGB"), (left, top))
        self.photo.paste(layer, mask=alpha)


def _over(lower: Image.Image, upper: Image.Image) -> Image.Image:
    return ImageChops.screen(lower, upper)
