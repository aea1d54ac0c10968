"""A chart on a page is a drawing and nothing else."""

from __future__ import annotations

import pytest

from custkit.reporting.figure import UnsafeDrawingError, figure

PROLOG = '<?xml version="1.0"?>\n<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">\n'


def drawing(body: str) -> str:
    return (
        f'{PROLOG}<svg xmlns:xlink="http://www.w3.org/1999/xlink" width="547pt" height="200pt" viewBox="0 0 547 200" '
        f'xmlns="http://www.w3.org/2000/svg">{body}</svg>'
    )


CAPTIONED = drawing(
    """
    <g id="figure_1"><g id="patch_1"><path d="M 0 200 L 547 0 z" style="fill: #ffffff"/></g>
    <g id="axes_1"><g id="patch_2"><path d="M 90 180 L 540 180 L 540 60 L 90 60 z" style="fill: #ffffff" clip-path="url(#p1)"/></g>
    <g id="custkit-measure"><text style="font-size: 9.5px" x="90" y="48">share of revenue</text></g>
    <g id="custkit-title"><text style="font-size: 12px" x="90" y="30">Half of it comes from &lt;b&gt; few</text></g></g></g>
    <defs><clipPath id="p1"><rect x="90" y="60" width="450" height="120"/></clipPath></defs>
    """
)


def test_title_and_measure_leave_the_drawing_and_their_room_is_cut_off() -> None:
    drawn = figure(CAPTIONED, "f1-")
    assert (drawn.title, drawn.measure) == ("Half of it comes from <b> few", "share of revenue")
    assert "share of revenue" not in drawn.svg
    assert 'viewBox="0 56 547 144"' in drawn.svg


def test_each_drawing_has_ids_of_its_own() -> None:
    drawn = figure(CAPTIONED, "f7-").svg
    assert 'id="f7-p1"' in drawn and "url(#f7-p1)" in drawn
    assert drawn.count(" id=") == 1


def test_the_background_goes_and_so_does_what_no_reader_needs() -> None:
    drawn = figure(CAPTIONED, "f1-").svg
    assert not any(word in drawn for word in ("DOCTYPE", "metadata", "xmlns", "M 0 200"))


@pytest.mark.parametrize(
    "evil",
    [
        "<script>alert(1)</script>",
        '<foreignObject><body xmlns="http://www.w3.org/1999/xhtml" onload="alert(1)"/></foreignObject>',
        '<path d="M 0 0" onclick="alert(1)"/>',
        '<a href="javascript:alert(1)"><text x="1" y="1">x</text></a>',
        '<image href="https://example.org/x.png"/>',
        '<image href="data:image/svg+xml;base64,PHN2Zy8+"/>',
        '<use xlink:href="https://example.org/x.svg#a"/>',
        '<style>@import url("https://example.org/x.css")</style>',
        '<path d="M 0 0" style="fill: url(https://example.org/x); background: url(javascript:1)"/>',
        '<path d="M 0 0" fill="url( &#39;https://example.org&#39; )"/>',
        '<animate attributeName="href" to="javascript:alert(1)"/>',
        '<set attributeName="onmouseover" to="alert(1)"/>',
    ],
)
def test_what_runs_or_reaches_out_is_left_out(evil: str) -> None:
    drawn = figure(drawing(evil + '<path d="M 1 1 L 2 2"/>'), "f1-").svg
    assert not any(word in drawn.lower() for word in ("script", "http", "onclick", "onload", "onmouseover", "import", "foreign", "animate"))
    assert "M 1 1 L 2 2" in drawn


@pytest.mark.parametrize(
    "source",
    [
        '<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>',
        '<svg xmlns="http://www.w3.org/2000/svg"><!DOCTYPE x></svg>',
        "<p>no drawing</p>",
        '<svg xmlns="http://www.w3.org/2000/svg"><g></svg>',
    ],
)
def test_what_is_no_plain_drawing_is_refused(source: str) -> None:
    with pytest.raises(UnsafeDrawingError):
        figure(source, "f1-")


def test_a_drawing_embedded_as_pixels_stays() -> None:
    assert "data:image/png;base64,AAAA" in figure(drawing('<image xlink:href="data:image/png;base64,AA&#10;AA" x="0" y="0"/>'), "f1-").svg


def test_labels_of_two_lines_end_at_the_axis() -> None:
    lines = "".join(
        f'<text style="fill: #000" transform="translate({at})">{word}</text>' for at, word in (("20.5 80", "Tea"), ("3 92", "Mug"))
    )
    body = f'<g id="axes_1"><g><path d="M 90.5 180 L 540 60"/></g><g id="matplotlib.axis_2"><g id="ytick_1">{lines}</g></g></g>'
    drawn = figure(drawing(body), "f1-").svg
    assert drawn.count('text-anchor="end"') == 2 and 'x="83.50"' in drawn and 'y="92"' in drawn
