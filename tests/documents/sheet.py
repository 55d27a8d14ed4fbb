"""Pages of a PDF on which words stand where a test puts them."""

from fpdf import FPDF

from indexes.documents.extracted import Extracted
from indexes.documents.reader import Reading
from indexes.documents.readers import pdf
from tests.documents.files import tables_of


class Sheet(FPDF):
    """A page on which words are put at places, in millimetres."""

    def __init__(self) -> None:
        super().__init__(format="A4")
        self.add_page()
        self.set_font("Helvetica", size=10)

    def left(self, x: float, y: float, *words: str) -> None:
        """Words below each other that begin at x."""
        for number, word in enumerate(words):
            self.text(x, y + 4.5 * number, word)

    def right(self, x: float, y: float, word: str) -> None:
        """A word that ends at x."""
        self.text(x - self.get_string_width(word), y, word)

    def read(self) -> Extracted:
        return pdf.read(bytes(self.output()), Reading())

    def table_found(self) -> list[list[str]]:
        [table] = tables_of(self.read())
        return table
