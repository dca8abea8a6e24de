"""A netlist from elsewhere is code: nothing of it runs unless it is trusted."""

import subprocess
import sys
from pathlib import Path

import pytest
from netlist_text import divider, load, refusal

from hwlearn.errors import NetlistError


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "lines",
    [
        ".control\nshell touch {proof}\n.endc",
        "  .CONTROL\nshell touch {proof}\n.endc",
        "\x0b.control\nshell touch {proof}\n.endc",
        "*# shell touch {proof}",
        "  *# shell touch {proof}",
        "shell touch {proof}",
        ".exec touch {proof}",
        ".system touch {proof}",
        "A3 %vd(b 0) files\n.model files filesource(file='{proof}')",
        ".model files filesource(file='{proof}')",
        ".model p d_process(process_file='{proof}')",
    ],
)
def test_commands_are_refused(lines, tmp_path):
    proof = tmp_path / "proof"
    assert "--trust-netlist" in refusal(lines.format(proof=proof))
    Path("part.inc").write_text(lines.format(proof=proof) + "\n")
    with pytest.raises(NetlistError, match=r"part\.inc:1: .*trust=True"):
        divider(".include part.inc")
    assert not proof.exists()


@pytest.mark.parametrize("first", ["*# shell touch proof", "*ng_script", ".control"])
def test_a_first_line_is_no_way_around(first):
    with pytest.raises(NetlistError, match=r"n\.cir:1: "):
        load(f"{first}\nV1 a 0 1\nR1 a 0 1k\n")
    assert not Path("proof").exists()


def test_a_trusted_netlist_may_run_commands(tmp_path):
    divider(f".control\nshell touch {tmp_path}/proof\n.endc", trust=True)
    assert (tmp_path / "proof").exists()


def test_a_spiceinit_in_the_working_directory_does_not_run(tmp_path):
    Path(".spiceinit").write_text(f"shell touch {tmp_path}/proof\n")
    Path("n.cir").write_text("t\nV1 a 0 1\nR1 a 0 1k\n")
    code = "from hwlearn import Network; print(len(Network.from_netlist('n.cir').edges))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_environment(tmp_path))
    assert done.stdout.strip() == "1"
    assert not (tmp_path / "proof").exists()


def _environment(home: Path) -> dict[str, str]:
    import os

    return {**os.environ, "HOME": str(home), "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}
