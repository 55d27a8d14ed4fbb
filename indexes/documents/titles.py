"""What a document is called.

The title goes before the text of every chunk when it is embedded, so it decides which of
several similar documents a question finds. A title that many documents share ("Privacy
Policy", "To our shareholders:", "Microsoft Word - letter.doc") is worse than the file's name.
"""

import re
from pathlib import PurePath

from indexes.documents.extracted import Extracted, one_line

_LONGEST = 150

# What programs, templates and producers write where a title should be.
_LEFTOVER = re.compile(
    r"(?:microsoft (?:word|excel|powerpoint|office|publisher)\b.*|"
    r"(?:powerpoint |microsoft )?(?:presentation|pr[äa]sentation|presentación|présentation)"
    r"(?: title)?[ _-]?\d*|"
    r"(?:(?:new|blank|neues|leeres) )?(?:microsoft )?(?:word |office |text |acrobat )?"
    r"(?:document|dokument|documento)(?: title)?[ _-]?\d*|"
    r"(?:book|workbook|sheet|mappe|classeur|libro|slide|folie|page|layout|image|img|scan|print)"
    r"[ _-]?\d*|"
    r"\(?(?:anonymous|unspecified|untitled|unnamed)\)?.*|"
    r"\W*(?:no title|title|titel|titre|(?:document|page|your|insert|enter|type|add) (?:the |a )?"
    r"(?:\w+ )?title(?: here)?|kein titel|ohne titel|unbenannt.*|sans titre.*|sin t[íi]tulo.*|"
    r"senza (?:titolo|nome).*|sem t[íi]tulo.*|zonder titel.*|без (?:названия|имени).*|无标题.*|"
    r"無題.*|제목 없음.*)\W*|"
    r"click (?:here )?to (?:edit|add|enter).*|printmgr file|full page (?:photo|fax).*|"
    r"unknown|none|null|undefined|n/?a|template|vorlage|(?:normal|default|blank|standard|general)"
    r"(?: (?:template|document|page))?|scan(?:ned)?\b.{0,40}|about:blank|localhost.*|"
    r"[\w .-]{0,60}\btemplate(?: v?[\d.]+)?|"
    r"(?:reportlab|pdftex|(?:pdf|xe|lua)?latex|ghostscript|gpl ghostscript|wkhtmltopdf|"
    r"headlesschrome|fpdf2?|pypdf2?|itext\w*|libreoffice|openoffice(?:\.org)?|google docs|"
    r"apache fop|(?:adobe|acrobat) (?:indesign|illustrator|photoshop|distiller|acrobat|pdf|"
    r"pdfmaker|livecycle)|acrobat distiller|quarkxpress|scribus|camscanner|crystal reports|"
    r"jasperreports|tcpdf|dompdf|mpdf|prince|weasyprint|quartz pdfcontext|skia/pdf|canva|"
    r"pdfcreator|primopdf|cutepdf|docraptor|aspose\.\w+|powered by crystal)"
    r"(?:[ /-]*v?\d.*| (?:generated|with|pdf|document|by|library)\b.*|\W*)|"
    r"(?:[a-z]:|file:/{0,3}|https?://|/|\\\\).*|[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}|"
    r"\S+\.[a-z]{2,4}\d?|.*\.(?:docx?|docm|pdf|xls[xm]?|ppt[xm]?|dot[xm]?|rtf|od[tsp]|txt|html?|indd|"
    r"tex|qxd|pub|wpd|pages|key|ai|eps|psd|dvi|ps))",
    re.IGNORECASE,
)
# What many documents of one kind are called alike.
_SHARED = re.compile(
    r"(?:the )?(?:about(?: us)?|abstract|agenda|annual report|appendix|changelog|chapter \w+|"
    r"contents|cookie policy|faq|frequently asked questions|home|index|intro|introduction|invoice|"
    r"(?:shareholder )?letter|letter to (?:the |our )?share(?:holders|owners)|license|minutes|"
    r"notes|overview|preface|privacy (?:policy|notice|statement)|readme|report|summary|"
    r"table of contents|terms(?: (?:and conditions|of (?:service|use)))?|welcome)",
    re.IGNORECASE,
)


def choose_title(extracted: Extracted, file_name: str) -> str:
    """The declared title if it is one, else the first heading, else the file's name.

    A title that many documents share is put after the file's name.
    """
    name = title_from_name(file_name)
    for candidate in (extracted.title, extracted.heading):
        title = one_line((candidate or "")[: 2 * _LONGEST])
        if not _is_title(title):
            continue
        return f"{name}: {title}" if _SHARED.fullmatch(title) else title
    return name


def title_from_name(file_name: str) -> str:
    """A file's name in words: `Viber_Messenger.txt` → `Viber Messenger`.

    A hyphen between digits stays (`2024-05-01`), and so does camel case.
    """
    words = re.sub(r"_+|%20|(?<!\d)-+|-+(?!\d)", " ", PurePath(file_name).stem)
    return one_line(words) or file_name


def _is_title(title: str) -> bool:
    return (
        3 <= len(title) <= _LONGEST
        and any(character.isalpha() for character in title)
        and not title.endswith((":", ","))  # a salutation
        and not _LEFTOVER.fullmatch(title)
    )
