"""A chart's SVG made fit for a page: only known elements and attributes, ids of its own, its caption outside so that it wraps.

The title is the finding: on a phone it must wrap, and it must be read aloud. So title and measure leave the drawing
and become the figure's caption, and the room they took is cut off.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass

from markupsafe import Markup

from custkit.present.lettering import MEASURE_ID, TITLE_ID, text_width

_XLINK = "{http://www.w3.org/1999/xlink}href"


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


_ELEMENTS = _set("svg g defs clipPath path rect circle ellipse line polyline polygon text tspan use image pattern linearGradient stop")
_ATTRIBUTES = _set(
    """d x y x1 y1 x2 y2 cx cy r rx ry dx dy width height points transform viewBox preserveAspectRatio clip-path clip-rule fill
    fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-linecap stroke-linejoin stroke-dasharray opacity text-anchor
    font-size font-weight font-style offset stop-color stop-opacity patternUnits patternTransform gradientUnits gradientTransform"""
)
_STYLES = _set(
    """fill fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-linecap stroke-linejoin stroke-dasharray stroke-dashoffset
    stroke-miterlimit opacity text-anchor font-size font-weight font-style dominant-baseline stop-color stop-opacity image-rendering"""
)
_PLAIN = re.compile(r"[#\w\s.,%+\-()]*")
_LOCAL = re.compile(r"url\(#([\w.-]+)\)")
_PNG = re.compile(r"data:image/png;base64,[A-Za-z0-9+/=\s]+")
_NUMBER = re.compile(r"-?\d+\.\d{3,}(?![\d.]*e)")
_MOVED = re.compile(r"translate\((-?[\d.]+)[ ,]+(-?[\d.]+)\)")
_TICK_GAP = 7.0
_COORDINATES = ("d", "x", "y", "x1", "y1", "x2", "y2", "width", "height", "points", "transform")


class UnsafeDrawingError(ValueError):
    """The SVG holds what a chart never needs."""


@dataclass(frozen=True)
class Figure:
    """`svg` is safe to put in a page as it is; `title` and `measure` are plain text."""

    svg: Markup
    title: str
    measure: str


def figure(source: str, prefix: str) -> Figure:
    """Matplotlib's SVG → a drawing for the page, its ids beginning with `prefix`.

    Raises UnsafeDrawingError for entities, a document type inside, or what is no SVG.
    """
    root = _parse(source)
    title, measure = _lift(root, TITLE_ID), _lift(root, MEASURE_ID)
    _drop_background(root)
    _anchor_labels(root)
    used = set(_LOCAL.findall(source)) | set(re.findall(r'href="#([\w.-]+)"', source))
    _clean(root, prefix, used)
    top = _top(root) if title or measure else 0.0
    _frame(root, top)
    return Figure(Markup(ET.tostring(root, encoding="unicode")), title, measure)


def _parse(source: str) -> ET.Element:
    start = source.find("<svg")
    if start < 0 or "<!ENTITY" in source or "<!DOCTYPE" in source[start:] or "[" in source[:start]:
        raise UnsafeDrawingError("not a plain SVG drawing")
    try:
        root = ET.fromstring(source[start:])
    except ET.ParseError as error:
        raise UnsafeDrawingError(f"not a plain SVG drawing: {error}") from error
    return root


def _local(tag: object) -> str:
    return str(tag).rpartition("}")[2]


def _lift(root: ET.Element, gid: str) -> str:
    words = []
    for parent in list(root.iter()):
        for child in list(parent):
            if child.get("id") == gid:
                words += ["".join(line.itertext()).strip() for line in child.iter() if _local(line.tag) == "text"]
                parent.remove(child)
    return " ".join(" ".join(words).split())


def _anchor_labels(root: ET.Element) -> None:
    """Labels of several lines end at the axis, as those of one line do: matplotlib has placed them by the widths of a font nobody reads."""
    for axes in (group for group in root.iter() if (group.get("id") or "").startswith("axes_")):
        edge = next((re.match(r"M ([\d.]+) ", path.get("d", "")) for path in axes.iter() if _local(path.tag) == "path"), None)
        for tick in (group for group in axes.iter() if (group.get("id") or "").startswith("ytick_")):
            for line in (element for element in tick.iter() if _local(element.tag) == "text"):
                moved = _MOVED.fullmatch(line.get("transform", ""))
                if edge and moved and "text-anchor" not in line.get("style", ""):
                    del line.attrib["transform"]
                    line.set("x", f"{float(edge[1]) - _TICK_GAP:.2f}")
                    line.set("y", moved[2])
                    line.set("text-anchor", "end")


def _drop_background(root: ET.Element) -> None:
    for group in root:
        if (group.get("id") or "").startswith("figure_"):
            for child in list(group):
                if child.get("id") == "patch_1":
                    group.remove(child)


def _clean(element: ET.Element, prefix: str, used: set[str]) -> None:
    for child in list(element):
        if _local(child.tag) in _ELEMENTS:
            _clean(child, prefix, used)
            if _local(child.tag) in ("g", "defs") and not len(child):
                element.remove(child)
        else:
            element.remove(child)
    given = dict(element.attrib)
    element.tag = _local(element.tag)
    element.attrib.clear()
    if element.tag not in ("text", "tspan"):
        element.text = None
    element.tail = None
    for name, value in given.items():
        if name == "id":
            if value in used:
                element.set("id", prefix + value)
        elif name in (_XLINK, "href"):
            _set_link(element, value, prefix)
        elif name == "style":
            if style := _style(value, prefix):
                element.set("style", style)
        elif name in _ATTRIBUTES and (safe := _value(value, prefix)) is not None and not safe.startswith("rotate(-0 "):
            element.set(name, _NUMBER.sub(_two_digits, " ".join(safe.split())) if name in _COORDINATES else safe)


def _two_digits(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


def _set_link(element: ET.Element, value: str, prefix: str) -> None:
    if element.tag == "use" and re.fullmatch(r"#[\w.-]+", value):
        element.set("href", f"#{prefix}{value[1:]}")
    elif element.tag == "image" and _PNG.fullmatch(value):
        element.set("href", "".join(value.split()))


def _value(value: str, prefix: str) -> str | None:
    if local := _LOCAL.fullmatch(value.strip()):
        return f"url(#{prefix}{local[1]})"
    return value if _PLAIN.fullmatch(value) and "url" not in value.lower() else None


def _style(value: str, prefix: str) -> str:
    kept = []
    for declaration in value.split(";"):
        name, _colon, given = (part.strip() for part in declaration.partition(":"))
        if name in _STYLES and (safe := _value(given, prefix)) is not None:
            kept.append(f"{name}:{safe}")
    return ";".join(kept)


def _top(root: ET.Element) -> float:
    """The highest point drawn, less a little air."""
    clips = {clip.get("id"): min((float(rect.get("y", 0)) for rect in clip.iter("rect")), default=0.0) for clip in root.iter("clipPath")}
    heights = [y for element in _drawn(root) if (y := _height(element, clips)) is not None]
    return max(0.0, min(heights, default=0.0) - 4)


def _drawn(element: ET.Element) -> list[ET.Element]:
    return [] if element.tag in ("defs", "clipPath") else [element, *(found for child in element for found in _drawn(child))]


def _height(element: ET.Element, clips: dict[str | None, float]) -> float | None:
    y: float | None = None
    if element.tag == "text":
        found = re.search(r"font-size:\s*([\d.]+)", element.get("style", ""))
        size = float(found[1]) if found else 10.0
        rise = text_width("".join(element.itertext()), size) * 72 if "rotate(" in element.get("transform", "") else size
        moved = _MOVED.match(element.get("transform", ""))
        y = float(moved[2] if moved else element.get("y", 0)) - rise
    elif element.tag == "path":
        numbers = [float(n) for n in re.findall(r"-?\d+\.?\d*", element.get("d", ""))]
        y = min(numbers[1::2], default=None) if "transform" not in element.attrib else None
    elif element.tag in ("use", "rect") and "y" in element.attrib:
        y = float(element.get("y", 0)) - (5 if element.tag == "use" else 0)
    clip = _LOCAL.search(element.get("clip-path", ""))
    return max(y, clips.get(clip[1], 0.0)) if y is not None and clip else y


def _frame(root: ET.Element, top: float) -> None:
    box = [float(n) for n in root.get("viewBox", "0 0 547 245").split()]
    root.attrib.clear()
    root.set("viewBox", f"{box[0]:g} {box[1] + top:g} {box[2]:g} {box[3] - top:g}")
    root.set("stroke-linejoin", "round")
    root.set("stroke-linecap", "butt")
    root.set("aria-hidden", "true")
