"""PDFs in any script without a font of it: characters as glyphs that say what they mean."""

from collections.abc import Sequence


def glyphs_pdf(
    *lines: tuple[float, float, Sequence[str]],
    size: float = 12,
    advance: float = 0.5,
    rotate: int = 0,
) -> bytes:
    """A page with glyphs drawn from left to right.

    Args:
        lines: where each begins, in points, and what its glyphs say; a ligature's says several
            characters.
        size: of the font, in points.
        advance: how wide each glyph is, of the size.
        rotate: of the page, in degrees.
    """
    meant = sorted({glyph for _, _, glyphs in lines for glyph in glyphs})
    code = {glyph: number for number, glyph in enumerate(meant, 1)}
    drawn = "".join(
        f"1 0 0 1 {x} {y} Tm <{''.join(f'{code[glyph]:04x}' for glyph in glyphs)}> Tj\n"
        for x, y, glyphs in lines
    )
    content = f"BT /F {size} Tf\n{drawn}ET".encode()
    pairs = "\n".join(
        f"<{number:04x}> <{glyph.encode('utf-16-be').hex()}>" for glyph, number in code.items()
    )
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        "1 begincodespacerange <0000> <ffff> endcodespacerange\n"
        f"{len(code)} beginbfchar\n{pairs}\nendbfchar endcmap end end"
    ).encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 400 400] /Contents 4 0 R /Rotate %d "
        b"/Resources << /Font << /F 5 0 R >> >> >>" % rotate,
        b"<< /Length %d >> stream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type0 /BaseFont /Plain /Encoding /Identity-H "
        b"/DescendantFonts [6 0 R] /ToUnicode 8 0 R >>",
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Plain /DW %d /FontDescriptor 7 0 R "
        b"/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>"
        % int(1000 * advance),
        b"<< /Type /FontDescriptor /FontName /Plain /Flags 4 /Ascent 800 /Descent -200 "
        b"/FontBBox [0 -200 1000 800] /ItalicAngle 0 /CapHeight 700 /StemV 80 >>",
        b"<< /Length %d >> stream\n%s\nendstream" % (len(cmap), cmap),
    ]
    body = b"".join(b"%d 0 obj %s endobj\n" % item for item in enumerate(objects, 1))
    return b"%PDF-1.7\n" + body + b"trailer << /Root 1 0 R >>\n%%EOF"
