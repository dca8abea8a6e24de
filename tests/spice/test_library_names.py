"""Where libngspice is looked for on each platform: under the names that its packages give it there."""

import ctypes.util
import sys

import pytest

from hwlearn.errors import LibraryNotFoundError
from hwlearn.spice import library

PLACES = [
    ("linux", "libngspice.so.0"),  # Debian's libngspice0, Fedora's libngspice
    ("linux", "libngspice.so"),  # Debian's libngspice0-dev
    ("darwin", "libngspice.dylib"),  # Homebrew
    ("darwin", "libngspice.0.dylib"),
    ("win32", "ngspice.dll"),  # ngspice's own package
    ("win32", "libngspice-0.dll"),  # MSYS2
]


@pytest.fixture
def platform(monkeypatch):
    def pretend(name, folder):
        monkeypatch.setattr(sys, "platform", name)
        monkeypatch.setattr(library, "_FOLDERS", {family: (str(folder),) for family in library._FOLDERS})
        monkeypatch.setattr(ctypes.util, "find_library", lambda _: None)

    return pretend


@pytest.mark.parametrize(("name", "file"), PLACES)
def test_each_name_is_found(name, file, platform, tmp_path):
    platform(name, tmp_path)
    (tmp_path / file).touch()
    assert library.find_library(name, {}) == str(tmp_path / file)


@pytest.mark.parametrize(
    ("name", "words"), [("linux", "apt-get"), ("darwin", "brew install"), ("win32", "NGSPICE_LIBRARY_PATH")]
)
def test_where_there_is_none_the_text_says_what_installs_it(name, words, platform, tmp_path):
    platform(name, tmp_path)
    with pytest.raises(LibraryNotFoundError, match=words):
        library.find_library(name, {})


@pytest.mark.parametrize("name", ["linux", "darwin", "win32"])
def test_another_platforms_file_is_not_taken(name, platform, tmp_path):
    platform(name, tmp_path)
    for family, file in PLACES:
        if family != name:
            (tmp_path / file).touch()
    with pytest.raises(LibraryNotFoundError):
        library.find_library(name, {})


@pytest.mark.parametrize("name", ["linux", "darwin", "win32"])
def test_what_the_loader_knows_is_taken(name, platform, tmp_path, monkeypatch):
    platform(name, tmp_path)
    monkeypatch.setattr(ctypes.util, "find_library", lambda asked: f"the loader's {asked}")
    assert library.find_library(name, {}) == "the loader's ngspice"


def test_the_folders_of_package_managers_are_looked_into():
    folders = {family: " ".join(places) for family, places in library._FOLDERS.items()}
    for family, words in {
        "linux": ["x86_64-linux-gnu", "aarch64-linux-gnu", "/usr/lib64"],
        "darwin": ["/opt/homebrew/lib", "/usr/local/lib", "/opt/local/lib"],
        "win32": ["Spice64_dll"],
    }.items():
        assert all(word in folders[family] for word in words), family
