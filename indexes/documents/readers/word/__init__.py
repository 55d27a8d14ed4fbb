"""Word documents.

    names.py       the names of elements
    styles.py      what styles say: headings, lists, hidden text
    numbers.py     counters in the formats that Word writes them in
    numbering.py   which number a paragraph has
    equations.py   an equation in one line
    inline.py      the text of a paragraph
    tables.py      tables as grids
    body.py        all of it: a document's blocks

Written against ECMA-376 (part 1, chapter 17) rather than on python-docx, which refuses packages
with a dangling link and knows no numbers, notes, equations or merged cells.
"""
