"""Run folders as somebody might send them. Values of other types are tested with the schemas."""

import io
import json
import os
import zipfile

import numpy as np


def mutated(folder, outside, dice):
    """Do something odd to what a run folder holds, to its files, or both; what they may lead to lies in `outside`."""
    contents = dice.choice((bytes_of, declared, other_paths, trust))
    places = dice.choice((link, hard_link, pipe))
    chosen = dice.choice(((contents,), (contents,), (places,), (contents, places)))
    return [f"{change.__name__}: {change(folder, outside, dice)}" for change in chosen]


def link(folder, outside, dice):
    name = dice.choice(NAMES)
    (folder / name).unlink(missing_ok=True)
    target = dice.choice([outside / "kept", outside / "none", outside, folder])
    (folder / name).symlink_to(target)
    return f"{name} → {target.name}"


def hard_link(folder, outside, dice):
    name = dice.choice(NAMES)
    (folder / name).unlink(missing_ok=True)
    (folder / name).hardlink_to(outside / "kept")
    return name


def pipe(folder, outside, dice):
    name = dice.choice(NAMES)
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    return name


def bytes_of(folder, outside, dice):
    path = folder / dice.choice(["checkpoint.npz", "latest.npy", "run.json", "result.json", "journal.jsonl"])
    content = bytearray(path.read_bytes())
    for _ in range(dice.randrange(1, 5)):
        content[dice.randrange(len(content))] = dice.randrange(256)
    path.write_bytes(content if dice.random() < 0.8 else content[: dice.randrange(len(content))])
    return path.name


def declared(folder, outside, dice):
    """An array of another shape than there is room for, or of another one than the run has."""
    shape = dice.choice([(1 << 50,), (1 << 30, 1 << 30), (-1,), (0, 1 << 60), (3,), (), (2, 2)])
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": dice.choice(["<f8", "|O", "<i8"]), "fortran_order": False, "shape": shape}
    )
    content = header.getvalue() + bytes(dice.choice([0, 8, 24, 32]))
    if dice.random() < 0.3:
        (folder / "latest.npy").write_bytes(content)
        return f"latest.npy {shape}"
    with np.load(folder / "checkpoint.npz") as file:
        arrays = {name: file[name] for name in file.files}
    changed = dice.choice(list(arrays))
    with zipfile.ZipFile(folder / "checkpoint.npz", "w", dice.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
        for name, array in arrays.items():
            whole = io.BytesIO()
            np.save(whole, array)
            archive.writestr(f"{name}.npy", content if name == changed else whole.getvalue())
    return f"{changed} {shape}"


def other_paths(folder, outside, dice):
    info = json.loads((folder / "run.json").read_text())
    place = dice.choice(
        ["/dev/zero", "/proc/self/environ", str(outside), str(outside / "kept"), "../..", "\x00", str(folder / "run.json")]
    )
    if dice.random() < 0.5:
        info["experiment"] = place
        changed = "experiment"
    else:
        changed = dice.choice(["circuit.netlist", "task.data", "backend.station"])
        info["overrides"] = {changed: place}
    (folder / "run.json").write_text(json.dumps(info))
    return f"{changed} {place}"


def trust(folder, outside, dice):
    """Trust, and a netlist that runs a command."""
    info = json.loads((folder / "run.json").read_text())
    info["trust"] = info["overrides"]["circuit.trust" if dice.random() < 0.5 else "train.steps"] = True
    if dice.random() < 0.5:
        info["overrides"] = {"circuit.netlist": str(outside / "shell.cir")}
    (folder / "run.json").write_text(json.dumps(info))
    return info["overrides"]


NAMES = tuple(
    name + end
    for name in (
        "run.json", "journal.jsonl", "checkpoint.npz", "latest.npy", "result.json", "trained.cir", "experiment.toml",
        "report.html", "journal.csv", "plot.png", "network.json", "run.nc", ".lock",
    )
    for end in ("", ".new")
)  # fmt: skip
