"""Web pages, as people read them.

tree.py        markup → a tree of elements, whatever the markup
furniture.py   what of it is no text of the page: menus, banners, what is hidden
grids.py       tables with their spans expanded
formulas.py    MathML in one line
writing.py     elements → blocks
page.py        all of it: a file's blocks
"""
