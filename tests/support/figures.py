"""What must hold of every figure: nothing cut off, nothing on top of another, units, no empty boxes."""

import re

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colorbar import Colorbar
from matplotlib.legend import Legend
from matplotlib.text import Text

COUNTS = {"step", "mode", "mode, × never decays", "answer", "class", "target, sorted"}
"""Axes of whole numbers and of names, which have no unit."""

SMALLEST = 4.8
"""Points: exponents aside, journals ask for 5."""


def drawn(figure):
    """A renderer of the figure as it is printed."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return canvas.get_renderer()


def texts(figure):
    """All texts that are seen."""
    hidden = set()
    for axes in figure.axes:
        if not axes.axison:
            hidden |= {id(text) for axis in (axes.xaxis, axes.yaxis) for text in axis.findobj(Text)}
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_transform().transform(axis.get_view_interval()))
            slack = 1e-6 * (high - low)
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                if not low - slack <= axis.get_transform().transform(tick.get_loc()) <= high + slack:
                    hidden |= {id(tick.label1), id(tick.label2)}
    return [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip() and id(t) not in hidden]


def cut_off(figure, renderer):
    """The texts that reach over the edge of the paper."""
    width, height = figure.get_size_inches() * figure.dpi
    boxes = {text: text.get_window_extent(renderer) for text in texts(figure)}
    over = [t for t, b in boxes.items() if b.x0 < -0.5 or b.y0 < -0.5 or b.x1 > width + 0.5 or b.y1 > height + 0.5]
    return [text.get_text() for text in over]


def overlaps(figure, renderer):
    """Pairs of texts, or of a text and a legend, one on top of the other."""
    legends = [legend for legend in figure.findobj(Legend) if legend.get_visible()]
    within = {id(text) for legend in legends for text in legend.findobj(Text)}
    boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in texts(figure) if id(t) not in within]
    for legend in legends:
        boxes += [(text.get_text(), text.get_window_extent(renderer)) for text in legend.get_texts()]
        place = legend.get_window_extent(renderer)
        for text in texts(figure):
            if id(text) not in within and _covers(place, text.get_window_extent(renderer)):
                boxes.append((f"legend on {text.get_text()}", text.get_window_extent(renderer)))
    found = []
    for k, (one, box) in enumerate(boxes):
        found += [(one, two) for two, other in boxes[k + 1 :] if _covers(box, other)]
    return found


def _covers(one, two):
    """More than a dot of two boxes is common."""
    return min(one.x1, two.x1) - max(one.x0, two.x0) > 1 and min(one.y1, two.y1) - max(one.y0, two.y0) > 1


def without_unit(figure):
    """Axes whose label has no unit in brackets, and numbers without a label."""
    found = []
    for axes in figure.axes:
        if not axes.axison:
            continue
        for axis in (axes.xaxis, axes.yaxis):
            label = axis.label.get_text()
            numbers = [t.get_text() for t in axis.get_ticklabels() if re.search(r"\d", t.get_text())]
            named = any(re.match(r"[A-Za-z/]", t.get_text()) for t in axis.get_ticklabels())
            bar = hasattr(axes, "_colorbar") and isinstance(axes._colorbar, Colorbar)
            if bar and not axes._colorbar.ax.yaxis.label.get_text() and not axes._colorbar.ax.xaxis.label.get_text():
                found.append("a colour bar")
            if bar:
                continue
            if not label and numbers and not named:
                found.append(f"numbers {numbers[:3]} without a label")
            if label and label not in COUNTS and not re.search(r"\[[^\]]+\]$", label) and not named:
                found.append(label)
    return found


def empty(figure):
    """How many axes have nothing in them."""
    return sum(
        not (axes.lines or axes.collections or axes.patches or axes.images or axes.texts or axes.artists)
        for axes in figure.axes
        if not hasattr(axes, "_colorbar")
    )


def smallest(figure):
    """Size of the smallest letters, in points."""
    return min(text.get_fontsize() for text in texts(figure))


def assert_fit_to_print(figure):
    """All of it."""
    renderer = drawn(figure)
    assert not (found := cut_off(figure, renderer)), f"cut off: {found}"
    assert not (found := overlaps(figure, renderer)), f"on top of each other: {found}"
    assert not (found := without_unit(figure)), f"without a unit: {found}"
    assert empty(figure) == 0
    assert smallest(figure) >= SMALLEST
    assert np.isfinite(figure.get_size_inches()).all()
