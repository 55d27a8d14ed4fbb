"""Rich Text Format.

words.py    source → groups, control words and text
fonts.py    which bytes are which characters, in which font
state.py    what control words have set, group by group
flow.py     paragraphs, cells and rows → blocks
body.py     all of it: a file's blocks
"""
