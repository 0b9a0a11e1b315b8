"""Check digits: a mistyped code of LOINC or SNOMED CT is caught before it can match anything."""

_VERHOEFF_STEP = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _dihedral(left: int, right: int) -> int:
    """The product of two elements of the dihedral group of ten elements."""
    if left < 5:
        return (left + right) % 5 if right < 5 else 5 + (left + right - 5) % 5
    return 5 + (left - 5 - right) % 5 if right < 5 else (left - right) % 5


def snomed_is_valid(code: str) -> bool:
    """True for 6 to 18 digits whose last one is right by Verhoeff's scheme (SNOMED CT identifiers)."""
    if not (code.isascii() and code.isdigit() and 6 <= len(code) <= 18 and code[0] != "0"):
        return False
    check = 0
    for place, digit in enumerate(reversed(code)):
        value = int(digit)
        for _ in range(place % 8):
            value = _VERHOEFF_STEP[value]
        check = _dihedral(check, value)
    return check == 0


def loinc_is_valid(code: str) -> bool:
    """True for a LOINC code whose digit after the hyphen is right (mod 10, doubling every second digit)."""
    number, hyphen, given = code.partition("-")
    if not (hyphen and number.isascii() and number.isdigit() and 1 <= len(number) <= 7 and len(given) == 1):
        return False
    doubled = "".join(str(int(digit) * 2) for digit in number[::-1][::2])
    total = sum(map(int, doubled)) + sum(map(int, number[::-1][1::2]))
    return given.isdigit() and int(given) == -total % 10
