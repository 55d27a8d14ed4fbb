"""Characters of fonts that hold pictures: Wingdings, Symbol."""

# What stands in running text.
_KNOWN = {
    "wingdings": {
        0xFC: "✓", 0xFB: "✗", 0xFE: "☑", 0xFD: "☒", 0xA8: "☐", 0x6F: "☐", 0x71: "❑", 0xD8: "➢",
        0xA7: "▪", 0x6C: "●", 0x6E: "■", 0xE0: "→", 0xDF: "←", 0x4A: "☺", 0x28: "☎", 0x2A: "✉",
    },
    "symbol": dict(
        zip(
            (*range(0x61, 0x7B), 0xA3, 0xB1, 0xB3, 0xB4, 0xB7, 0xB9, 0xAE, 0xAC, 0xA5, 0xB0, 0xB5),
            "αβχδεφγηιϕκλμνοπθρστυϖωξψζ≤±≥×•≠→←∞°∝",
            strict=True,
        )
    ),
}  # fmt: skip


def symbol(font: str, code: int) -> str:
    """Return the character that a font of symbols shows for a code; "•" for an unknown one."""
    plain = code - 0xF000 if 0xF000 <= code < 0xF100 else code
    known = _KNOWN.get(font.lower().rstrip(" 0123456789"), {}).get(plain)
    private = 0xE000 <= code < 0xF900 or not 0x20 <= code <= 0x10FFFF
    return known or ("•" if private else chr(code))
