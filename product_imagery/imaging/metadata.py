"""The mark that says how a picture came about.

IPTC's DigitalSourceType (https://cv.iptc.org/newscodes/digitalsourcetype/) in an XMP packet is what search engines and
marketplaces read. We write nothing else: no camera, no place, no person.
"""

from __future__ import annotations

import enum
from html import escape

_VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"


class SourceType(enum.StrEnum):
    """The IPTC terms we use."""

    ENHANCED = "algorithmicallyEnhanced"  #: the photo itself: cut out, resized, put on a plain ground
    COMPOSITE = "compositeSynthetic"  #: a real product in a scene that a computer rendered
    GENERATED_SCENE = "compositeWithTrainedAlgorithmicMedia"  #: a real product in a scene from a trained model
    GENERATED = "trainedAlgorithmicMedia"  #: wholly made by a trained model


def xmp_packet(source_type: SourceType, *, made_by: str = "product_imagery") -> bytes:
    """Return the XMP packet that carries the mark, as UTF-8 bytes."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        ' xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        f' Iptc4xmpExt:DigitalSourceType="{escape(_VOCABULARY + source_type)}"'
        f' xmp:CreatorTool="{escape(made_by)}"/>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()
