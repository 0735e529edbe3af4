"""Charts as inline SVG: no script, ids of their own, a name for screen readers."""

import re
from typing import Any
from xml.etree import ElementTree as ET

from markupsafe import Markup

from memometer.report import vega

__all__ = ["to_svg"]

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
# What a chart consists of. Vega draws nothing else without images and links, which no chart here has.
TAGS = {"svg", "g", "path", "line", "rect", "text", "tspan", "defs", "clipPath", "circle", "linearGradient", "stop"}
DROPPED = {"class", "role", "aria-hidden", "aria-roledescription", "aria-label", "pointer-events", "version"}

ET.register_namespace("", SVG)


def to_svg(chart: Any, *, key: str, label: str) -> Markup:
    """Renders an altair chart as an ``<svg role="img">`` element to be inlined in HTML.

    Args:
        chart: an altair chart that carries its own data.
        key: prefix of the ids within, unique on the page.
        label: what the chart shows, for screen readers.

    Raises:
        ValueError: the chart holds an element that is no plain drawing.
    """
    specification = chart.to_dict(validate=False) | {"background": "transparent"}
    root = ET.fromstring(vega.draw(specification))  # noqa: S314 (drawn here, not read in)
    for element in root.iter():
        tag = element.tag.removeprefix(f"{{{SVG}}}")
        if tag not in TAGS or any(name.startswith("on") or name == f"{{{XLINK}}}href" for name in element.attrib):
            raise ValueError(f"chart '{key}' holds <{tag}>, which is no plain drawing")
        for name in DROPPED & element.attrib.keys():
            del element.attrib[name]
        for name, value in element.attrib.items():
            element.set(name, f"{key}-{value}" if name == "id" else re.sub(r"url\(#", f"url(#{key}-", value))
    _drop_invisible(root)
    root.set("role", "img")
    root.set("aria-label", label)
    title = ET.Element(f"{{{SVG}}}title")
    title.text = label
    root.insert(0, title)
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704 (serialised by ElementTree, so escaped)


def _drop_invisible(element: ET.Element) -> None:
    """Removes the empty backgrounds and groups that Vega leaves; they are half of a small chart's bytes."""
    for child in list(element):
        _drop_invisible(child)
        tag = child.tag.removeprefix(f"{{{SVG}}}")
        if (tag == "g" and len(child) == 0) or child.get("display") == "none" or _unpainted(child, tag):
            element.remove(child)


def _unpainted(element: ET.Element, tag: str) -> bool:
    painted = any(element.get(name) not in {None, "none", "transparent"} for name in ("fill", "stroke"))
    return tag in {"path", "rect"} and not painted
