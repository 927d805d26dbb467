"""Seeded damage: to bytes, as disks and networks do it, and to the values of a document, as people do."""

import copy
import math

ODD = [
    None, True, False, 0, -1, 1, 2, 0.5, -0.0, 1e-300, 1e300, 2**31, 2**63, 2**64, 10**400, math.nan, math.inf, -math.inf,
    "", " ", "nan", "1e999", "0x10", "$(touch pwned)", "`touch pwned`", "; touch pwned #", "a b", "a\nb", "a'b\"c", "../../x",
    "/etc/passwd", "é\u202e\u0000", "x" * 10_000, "{params}", "%s", "*", [], {}, [[]], [None], [1, 1], {"a": 1}, {"": None},
    [list(range(200))] * 3, "9" * 5000,
]  # fmt: skip


def mutate_bytes(chance, whole, head=0):
    """Damage `whole` in one to four places; half of the time all within its first `head` bytes, where there is a head."""
    data = bytearray(whole)
    limit = head if head and chance.random() < 0.5 else len(data)
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        limit = min(limit, len(data))
        if not limit:
            break
        at = chance.randrange(limit)
        length = min(chance.choice([1, 1, 2, 8, 64, 4096]), len(data) - at)
        kind = chance.choice(["flip", "flip", "random", "zero", "ones", "cut", "remove", "repeat", "move", "append"])
        if kind == "flip":
            data[at] ^= 1 << chance.randrange(8)
        elif kind == "random":
            data[at : at + length] = chance.randbytes(length)
        elif kind in ("zero", "ones"):
            data[at : at + length] = (b"\0" if kind == "zero" else b"\xff") * length
        elif kind == "cut":
            del data[at:]
        elif kind == "remove":
            del data[at : at + length]
        elif kind == "repeat":
            data[at:at] = data[at : at + length]
        elif kind == "move":
            other = chance.randrange(len(data))
            data[at : at + length] = data[other : other + length].ljust(length, b"\0")
        else:
            data += chance.randbytes(length)
    return bytes(data)


def mutate_document(chance, document):
    """Change one to three values or keys, anywhere in nested dicts and lists."""
    document = copy.deepcopy(document)
    for _ in range(chance.choice([1, 1, 2, 3])):
        places = list(_places(document))
        if not places:
            return chance.choice(ODD)
        holder, key = chance.choice(places)
        kind = chance.choice(["odd", "odd", "odd", "remove", "key", "wrap", "copy"])
        if kind == "odd":
            holder[key] = copy.deepcopy(chance.choice(ODD))
        elif kind == "remove":
            del holder[key]
        elif kind == "key" and isinstance(holder, dict):
            holder[chance.choice([*map(str, ODD[-20:]), f"{key}x", str(key).upper(), 7])] = holder.pop(key)
        elif kind == "wrap":
            holder[key] = [holder[key]] if chance.random() < 0.5 else {str(key): holder[key]}
        else:
            source, place = chance.choice(places)
            if (isinstance(source, dict) and place in source) or (isinstance(source, list) and place < len(source)):
                holder[key] = copy.deepcopy(source[place])
    return document


def _places(document):
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in items:
        yield document, key
        yield from _places(value)
