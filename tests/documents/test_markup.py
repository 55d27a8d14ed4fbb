"""Text with markup is the file itself; its headings, tables and listings are known."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indexes.documents.structure import Structure
from indexes.tree import build_tree
from tests.documents.files import extracted, grows_linearly, headings_of, text_of

_NAMES = ("a.rst", "a.adoc", "a.org", "a.tex")

RST = """\
========
Handbook
========

Fees
----

.. list of fees

=====  ========
Berth  Fee
=====  ========
Quay   120
Mole   per call
=====  ========

Run this::

   fee --berth quay

.. code-block:: python
   :linenos:

   print(120)

+-------+-----+
| Berth | Fee |
+=======+=====+
| Quay  | 120 |
+-------+-----+

Wait for it
...

Contact
-------
Call.
"""

ADOC = """\
= Handbook
The Port

== Fees ==

|===
|Berth |Fee

|Quay |120
|===

----
== no heading
----

=== Night
"""

ORG = """\
#+TITLE: Handbook
* TODO Fees                                                            :money:
** Night
| Berth | Fee |
|-------+-----|
| Quay  | 120 |
#+begin_src sh
* no heading
#+end_src
*bold* is no heading
"""

TEX = r"""\documentclass{article}
\title{The \emph{Handbook}}
\begin{document}
\section*{Fees}\label{fees}
\subsection[Night]{At night}
\begin{verbatim}
\section{none}
\end{verbatim}
% \section{none}
\end{document}
"""


@pytest.mark.parametrize(
    ("name", "text", "title", "headings"),
    [
        ("a.rst", RST, "Handbook", [(1, "Handbook"), (2, "Fees"), (2, "Contact")]),
        ("a.adoc", ADOC, "Handbook", [(1, "Handbook"), (2, "Fees"), (3, "Night")]),
        ("a.org", ORG, "Handbook", [(1, "Fees"), (2, "Night")]),
        ("a.tex", TEX, "The Handbook", [(1, "Fees"), (2, "At")]),
    ],
)
def test_markup_has_a_title_and_headings(name, text, title, headings):
    found = extracted(name, text)
    assert found.text == text
    assert (found.title or found.heading) == title
    said = headings_of(found)
    assert [level for level, _ in said] == [level for level, _ in headings]
    assert all(heading in line for (_, line), (_, heading) in zip(said, headings, strict=True))


@pytest.mark.parametrize(("name", "text"), [("a.rst", RST), ("a.adoc", ADOC), ("a.org", ORG)])
def test_rows_of_markup_know_their_header(name, text):
    found = extracted(name, text)
    assert found.structure.tables
    for table in found.structure.tables:
        header = text[table.start : table.header_end]
        assert "Berth" in header
        assert "Quay" not in header
        assert "120" in text[table.rows[1] : table.end]


@pytest.mark.parametrize(
    ("name", "text", "listings"),
    [
        ("a.rst", RST, ["fee --berth quay", "print(120)"]),
        ("a.adoc", ADOC, ["----\n== no heading\n----"]),
        ("a.org", ORG, ["#+begin_src sh\n* no heading\n#+end_src"]),
        ("a.tex", TEX, ["\\begin{verbatim}\n\\section{none}\n\\end{verbatim}"]),
    ],
)
def test_listings_in_markup_are_code(name, text, listings):
    spans = extracted(name, text).structure.code
    assert [text[start:end].strip() for start, end in spans] == listings


@pytest.mark.parametrize(
    ("name", "text"), [("a.rst", RST), ("a.adoc", ADOC), ("a.org", ORG), ("a.tex", TEX)]
)
def test_passages_are_shown_below_their_headings_without_markup(name, text):
    found = extracted(name, text + "\n\n" + "The harbour is dredged in May. " * 40)
    tree = build_tree(
        found.text, document_id="a", version="1", levels=(256, 64, 8), structure=found.structure
    )
    said = {title for heading in tree.headings for title in heading.split(" › ")}
    assert any("Fees" in title for title in said)
    assert not any(mark in title for title in said for mark in ("\\", "==", "--", "* "))


@pytest.mark.parametrize("name", _NAMES)
@given(
    st.lists(
        st.sampled_from(
            ["====", "== ==", "a", "----", "|===", "| b", "|-", "+--+", "* c", "x::", "", "  d",
             ".. code::", "#+begin_src", "#+end_src", "\\section{e}", "\\begin{verbatim}",
             "\\title{", "= f"]
        )
    )
)  # fmt: skip
@example(["+--+", "+--+", "|==="])
@example(["|-", "| b"])
def test_any_markup_is_the_file_and_its_structure_fits(name, lines):
    text = "\n".join(lines)
    found = extracted(name, text)
    assert found.text == text
    assert Structure.of(found.structure.to_json(), len(text)) == found.structure


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("a.rst", "a::\n"), ("a.rst", "== ==\n"), ("a.rst", "====\n"), ("a.rst", "+--+\n|\n"),
        ("a.rst", "a::\n\n"), ("a.adoc", "----\n....\n"), ("a.adoc", "|===\n"),
        ("a.org", "#+begin_src\n"), ("a.org", "|\n"), ("a.tex", "\\begin{verbatim}\n"),
        ("a.tex", "\\section{"),
    ],
)  # fmt: skip
def test_markup_takes_time_by_its_length(name, unit):
    grows_linearly(lambda n: text_of(name, unit * n), 2000)
