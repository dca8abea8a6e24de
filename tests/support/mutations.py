"""Small damage to JSON, TOML, arrays and bytes, from a random generator."""

import io
import json
import re
import zipfile

import numpy as np

VALUES = (
    None, True, False, 0, 1, -1, 3, 0.5, -0.5, 1e308, -1e308, 5e-324, "", "x", "ep", "steps", "a\0b", "é\n", "../..", "/",
    [], [[]], [1.0], [[1.0, None]], [["x"]], {}, {"x": 1}, {"": []}, 10**400,
)  # fmt: skip
"""What takes the place of a value in JSON."""

LITERALS = (
    "true", "0", "1", "-1", "3", "0.5", "-1.5", "1e308", "5e-324", "nan", "inf", '""', '"x"', '"a\\u0000b"', '"é\\n"',
    '"/"', '".."', "[]", "[[]]", "[1.0]", "[[1.0, 2.0]]", '["x"]', '["a\\u0000b"]', "{}", "{ x = 1 }", "1979-05-27", '"ep"',
    '"b,b"', '"0"', '["0"]', "[1e308, 1e308]", "[[1e308, -1e308], [1.0, 1e-308]]", '"xor.cir"', "9223372036854775808",
)  # fmt: skip
"""What takes the place of a value in TOML."""

SIZES = re.compile(r"rows|columns|nodes|sizes|steps|degree|processes|bits|repeats|count|_s\b|_ms\b|t_end|settle|timeout|port")
"""Keys whose large values ask for much time or memory, and are refused by nothing but patience."""


def mutated_json(content, random):
    """A JSON document with one value replaced, left out, doubled or renamed."""
    places = []

    def walk(inside):
        for key in list(inside) if isinstance(inside, dict) else range(len(inside)):
            places.append((inside, key))
            if isinstance(inside[key], dict | list):
                walk(inside[key])

    document = json.loads(content)
    walk(document)
    if not places or random.random() < 0.02:
        return json.dumps(random.choice(VALUES)).encode()
    inside, key = random.choice(places)
    action = random.randrange(4)
    if action == 0:
        del inside[key]
    elif action == 1 and isinstance(inside, list):
        inside.append(inside[key])
    elif action == 1:
        inside[str(key) + random.choice(("x", "\0", "é"))] = inside.pop(key)
    else:
        inside[key] = random.choice(VALUES)
    return json.dumps(document, ensure_ascii=random.random() < 0.5).encode()


def mutated_lines(content, random):
    """Lines of JSON with one line mutated, left out, doubled or moved."""
    lines = content.split(b"\n")[:-1]
    k = random.randrange(len(lines))
    action = random.randrange(5)
    if action == 0:
        del lines[k]
    elif action == 1:
        lines.insert(random.randrange(len(lines)), lines[k])
    else:
        lines[k] = mutated_json(lines[k], random)
    return b"\n".join([*lines, b""])


def mutated_toml(content, random):
    """A TOML file with one line's value replaced, or a line left out, doubled or moved."""
    lines = content.decode().split("\n")
    k = random.choice([k for k, line in enumerate(lines) if line.strip()])
    action = random.randrange(6)
    if action == 0:
        del lines[k]
    elif action == 1:
        lines.insert(random.randrange(len(lines)), lines[k])
    elif "=" in lines[k]:
        key, _, value = lines[k].partition("=")
        numbers = list(re.finditer(r"-?\d+(\.\d+)?(e-?\d+)?", value))
        literal = random.choice(LITERALS)
        if SIZES.search(key) and ("e308" in literal or "92233" in literal):
            literal = "2"
        if numbers and random.random() < 0.4:
            at = random.choice(numbers)
            value = value[: at.start()] + literal + value[at.end() :]
        else:
            value = literal
        lines[k] = f"{key}={value}"
    else:
        lines[k] = random.choice(("[x]", "[rule]", "[[train]]", "[flow]", "[backend]", "x", "[circuit.x]"))
    return "\n".join(lines).encode()


def mutated_bytes(content, random):
    """Bytes with some flipped, cut off, doubled or put in."""
    found = bytearray(content)
    at = random.randrange(len(found) + 1)
    action = random.randrange(4)
    if action == 0:
        del found[at:]
    elif action == 1:
        found[at:at] = random.choice((b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"[" * 9000, b"\n", b'"', b"9" * 5000))
    elif action == 2:
        found[at:at] = found[max(at - random.randrange(1, 99), 0) : at]
    else:
        for _ in range(random.randrange(1, 4)):
            if found:
                found[random.randrange(len(found))] ^= 1 << random.randrange(8)
    return bytes(found)


def mutated_array(array, random):
    """An array of another shape, type or value."""
    action = random.randrange(7)
    if action == 0:
        return np.append(array.ravel(), 1.0)
    if action == 1:
        return array.ravel()[:-1]
    if action == 2:
        return array[None]
    if action == 3:
        with np.errstate(invalid="ignore"):
            return array.astype(random.choice(("complex128", "int32", "bool", "U9")))
    changed = np.array(array)
    if changed.size:
        number = random.choice((np.nan, np.inf, -1.0, 0.0, 0.5, 1e308, 1e-320, 3.0))
        changed[tuple(random.randrange(n) for n in changed.shape)] = number
    return changed


def mutated_npz(content, random):
    """An npz file that is whole, of which one array is another, is missing or has another name."""
    with np.load(io.BytesIO(content)) as file:
        arrays = {name: file[name] for name in file.files}
    name = random.choice(list(arrays))
    action = random.randrange(5)
    array = arrays.pop(name)
    if action == 1:
        arrays[name + random.choice(("x", "/y", ""))] = array
    elif action > 1:
        arrays[name] = mutated_array(array, random)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        for key, value in arrays.items():
            part = io.BytesIO()
            np.save(part, value)
            file.writestr(f"{key}.npy", part.getvalue())
    return target.getvalue()


def mutated_npy(content, random):
    """An npy file that is whole, of another array."""
    target = io.BytesIO()
    np.save(target, mutated_array(np.load(io.BytesIO(content)), random))
    return target.getvalue()
