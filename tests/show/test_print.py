"""Figures as they go into a paper: fonts, width, panels, nothing cut off."""

import re
import shutil
import zlib
from pathlib import Path

import numpy as np
import pytest
from figures import assert_fit_to_print
from matplotlib.figure import Figure
from typer.testing import CliRunner

from hwlearn.cli import app
from hwlearn.errors import HwlearnError
from hwlearn.experiments import load_experiment
from hwlearn.experiments.runs import Run
from hwlearn.network.builders import kite
from hwlearn.show.plots import draw_network, draw_run
from hwlearn.show.plots.width import millimetres

KITE = Path(__file__).parents[2] / "netlists" / "kite.toml"
POINT = 25.4 / 72


def plot(*arguments):
    return CliRunner().invoke(app, ["plot", *map(str, arguments)])


def font_types(pdf):
    """Of each font in a PDF, whether its objects lie open or packed."""
    content = pdf.read_bytes()
    for packed in re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL):
        try:
            content += zlib.decompress(packed)
        except zlib.error:
            continue
    return set(re.findall(rb"/Subtype\s*/(Type3|TrueType|CIDFontType2|Type1)\b", content))


def width_of(pdf):
    left, _, right, _ = map(float, re.search(rb"/MediaBox\s*\[([^\]]*)\]", pdf.read_bytes())[1].split())
    return (right - left) * POINT


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    made = Run.create(tmp_path_factory.mktemp("print") / "kite", load_experiment(KITE, {"train.steps": 100}))
    made.go()
    return made


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were saved."""
    saved, really = [], Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *args, **more: (really(self, *args, **more), saved.append(self)))
    return saved


def test_fonts_in_a_pdf_are_true_type(run, tmp_path):
    draw_network(kite(), tmp_path / "network.pdf")
    assert plot(run.folder, "--out", tmp_path / "run.pdf").exit_code == 0
    for name in ("network.pdf", "run.pdf"):
        found = font_types(tmp_path / name)
        assert found
        assert b"Type3" not in found


def test_a_figure_is_as_wide_as_it_was_asked_for(run, tmp_path):
    for ending in ("pdf", "svg", "png"):
        done = plot(run.folder, "--width", "86mm", "--panels", "loss, outputs", "--out", tmp_path / f"run.{ending}")
        assert done.exit_code == 0, done.stderr
    assert width_of(tmp_path / "run.pdf") == pytest.approx(86, abs=0.01)
    assert float(re.search(r'<svg [^>]*?width="([\d.]+)pt"', (tmp_path / "run.svg").read_text())[1]) * POINT == pytest.approx(
        86, abs=0.01
    )
    across = int(np.frombuffer((tmp_path / "run.png").read_bytes()[16:20], dtype=">u4")[0])
    assert across == pytest.approx(86 / 25.4 * 600, abs=1)


@pytest.mark.parametrize("width", [None, 86.0, 178.0])
def test_nothing_is_cut_off_and_letters_can_be_read(run, tmp_path, drawn, width):
    draw_run(run, tmp_path / "run.png", width=width)
    assert_fit_to_print(drawn[0])
    names = [axes.get_xlabel() for axes in drawn[0].axes]
    assert {"step", "target [V]"} <= set(names)


def test_only_the_named_panels_are_drawn(run, tmp_path, drawn):
    assert plot(run.folder, "--panels", "residuals,loss", "--out", tmp_path / "two.png").exit_code == 0
    assert [axes.get_xlabel() for axes in drawn[0].axes] == ["target [V]", "step"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--panels", "lost"], "panel lost: no such panel; there are loss, network, conductances, outputs, residuals"),
        (["--panels", "confusion"], "panel confusion: this run has no such panel, at least not yet; there are loss"),
        (["--width", "86"], "write a number and mm, cm, in, pt, such as 86mm"),
        (["--width", "2mm"], "figures are 40 mm to 1200 mm wide"),
    ],
)
def test_mistakes_are_told_before_anything_is_written(run, tmp_path, options, why):
    done = plot(run.folder, *options, "--out", tmp_path / "no.png")
    assert done.exit_code == 2
    assert why in " ".join(done.stderr.split())
    assert not (tmp_path / "no.png").exists()


def test_panels_of_several_runs_are_named_too(run, tmp_path):
    shutil.copytree(run.folder, tmp_path / "again")
    assert plot(run.folder, tmp_path / "again", "--panels", "loss", "--out", tmp_path / "a.png").exit_code == 0
    assert "there are loss" in plot(run.folder, tmp_path / "again", "--panels", "network").stderr


def command(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


def test_every_command_that_draws_takes_width_panels_and_format(tmp_path):
    print_it = ["--width", "86mm", "--format", "pdf"]
    made = {
        "show": ["show", KITE, "--out", tmp_path / "show"],
        "analyze": ["analyze", KITE, "--out", tmp_path / "analyze", "--panels", "spectrum"],
        "compare": ["compare", KITE, "--out", tmp_path / "compare", "--panels", "residuals,directions"],
        "robustness": [
            "robustness",
            KITE,
            "--only",
            "noise",
            "--sizes",
            "1",
            "--steps",
            "20",
            "--out",
            tmp_path / "robustness",
        ],
    }
    pictures = {
        "show": tmp_path / "show.pdf",
        "analyze": tmp_path / "analyze" / "analysis.pdf",
        "compare": tmp_path / "compare" / "comparison.pdf",
        "robustness": tmp_path / "robustness" / "robustness.pdf",
    }
    for name, arguments in made.items():
        done = command(*arguments, *print_it)
        assert done.exit_code == 0, done.stderr
        assert width_of(pictures[name]) == pytest.approx(86, abs=0.01)
        assert b"Type3" not in font_types(pictures[name])


def test_options_of_figures_are_the_same_everywhere():
    for name in ("show", "analyze", "compare", "robustness", "sweep", "design", "plot", "reproduce"):
        told = command(name, "--help").stdout
        assert all(option in told for option in ("--width", "--panels", "--format"))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["analyze", KITE, "--width", "86mm"], "--width: no picture is drawn without --out DIR"),
        (["compare", KITE, "--panels", "residuals"], "--panels: no picture is drawn without --out DIR"),
        (["show", KITE, "--panels", "network"], "--panels: the picture of a circuit has one panel"),
        (["show", KITE, "--out", "a.png", "--format", "pdf"], "--format pdf: --out a.png is another one"),
        (["sweep", "s.toml", "--width", "1"], "write a number and mm, cm, in, pt"),
    ],
)
def test_options_that_make_no_figure_are_refused(arguments, why):
    done = command(*arguments)
    assert done.exit_code == 2
    assert why in " ".join(done.stderr.split())


@pytest.mark.parametrize(("text", "length"), [("86mm", 86), ("8.6 cm", 86), ("3.5in", 88.9), ("144pt", 50.8)])
def test_lengths_are_read(text, length):
    assert millimetres(text) == pytest.approx(length)


@pytest.mark.parametrize("text", ["", "mm", "86", "-86mm", "1e3mm", "nanmm", "86 m"])
def test_what_is_no_length_is_refused(text):
    with pytest.raises(HwlearnError, match="such as 86mm"):
        millimetres(text)
