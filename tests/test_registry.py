"""The registry: who is in it, who may be imported, and what is said of the others."""

import pytest

from hwlearn.circuits.imperfect import IMPERFECTIONS, Effect, Noise
from hwlearn.errors import HwlearnWarning, RegistryError
from hwlearn.experiments.runs.export import EXPORTS
from hwlearn.registry import Registry, _installed, installed


@pytest.fixture
def others(tmp_path, monkeypatch):
    """Installs packages: name → lines of entry_points.txt. What hwlearn itself keeps was read before."""
    list(IMPERFECTIONS)

    def install(**packages):
        for name, lines in packages.items():
            folder = tmp_path / f"{name}-1.0.dist-info"
            folder.mkdir()
            (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            (folder / "entry_points.txt").write_text("[hwlearn.imperfections]\n" + lines)
        monkeypatch.syspath_prepend(tmp_path)
        _installed.cache_clear()
        return Registry("imperfection", Effect)

    yield install
    _installed.cache_clear()


def test_names_are_known_without_an_import(others):
    registry = others(one="far = no.such.module:Far\n")
    assert "far" in registry
    assert "far" in registry.names
    assert set(installed("imperfections")) == set(registry)
    assert len(registry) == len(IMPERFECTIONS) + 1
    with pytest.raises(RegistryError, match=r"imperfection 'far' \(no.such.module:Far\) cannot be imported: No module"):
        registry.get("far")


def test_an_unknown_name_hears_of_the_nearest():
    with pytest.raises(RegistryError, match=r"unknown imperfection 'nosie'; did you mean 'noise'\?; there are .*drift"):
        IMPERFECTIONS.get("nosie")
    with pytest.raises(RegistryError, match="unknown format 'CVS'"):
        EXPORTS.get("CVS")


def test_our_names_stay_ours_and_others_are_warned_once(others):
    registry = others(one="noise = hwlearn.circuits.imperfect:Drift\n", two="hum = a:B\n", three="hum = c:D\n")
    with pytest.warns(HwlearnWarning) as warned:
        assert registry.get("noise") is Noise
    assert registry.names.count("hum") == 1
    said = sorted(str(one.message) for one in warned)
    assert len(said) == 2
    assert "'hum' is" in said[0]
    assert "rename or uninstall one" in said[0]


def test_another_package_cannot_take_a_name_of_ours(others):
    registry = others(one="noise = colour:Noise\n")
    with pytest.warns(HwlearnWarning, match="'noise' is hwlearn.circuits.imperfect.readings:Noise, which is used, and colour"):
        assert registry.get("noise") is Noise


def test_what_is_no_such_class_is_refused(others):
    registry = others(one="path = pathlib:Path\n")
    with pytest.raises(RegistryError, match="no subclass of Effect"):
        registry.get("path")
    with pytest.raises(RegistryError, match="no subclass of Effect"):
        IMPERFECTIONS.get("pathlib:Path", trust=True)


def test_trust_is_asked_for_each_time():
    name = "hwlearn.circuits.imperfect.readings:Noise"
    assert IMPERFECTIONS.get(name, trust=True) is Noise
    with pytest.raises(RegistryError, match="--trust-code"):
        IMPERFECTIONS.get(name)


def test_a_module_that_fails_says_so_and_may_be_mended(tmp_path):
    (tmp_path / "mine.py").write_text("raise RuntimeError('half written')\n")
    with pytest.raises(RegistryError, match="'mine:Mine' cannot be imported: half written"):
        IMPERFECTIONS.get("mine:Mine", trust=True, beside=tmp_path)
    (tmp_path / "mine.py").write_text("from hwlearn.circuits.imperfect import Effect\nclass Mine(Effect):\n    pass\n")
    assert IMPERFECTIONS.get("mine:Mine", trust=True, beside=tmp_path).__name__ == "Mine"
    with pytest.raises(RegistryError, match="'mine:Other' cannot be imported"):
        IMPERFECTIONS.get("mine:Other", trust=True, beside=tmp_path)
