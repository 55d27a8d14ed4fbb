"""What a document is called.

The title goes before the text of every chunk when it is embedded, so it decides which of
several similar documents a question finds. A title that many documents share ("Privacy
Policy", "To our shareholders:", "Microsoft Word - letter.doc") is worse than the file's name.
"""

import re
from pathlib import PurePath

from indexes.documents.extracted import Extracted, one_line

_LONGEST = 150
_TOP = 1000

# What programs write where a title should be.
_LEFTOVER = re.compile(
    r"(?:microsoft (?:word|excel|powerpoint|office)\b.*|powerpoint presentation|presentation\d*|"
    r"(?:new )?document ?\d*|untitled.*|no title|title|slide ?\d*|printmgr file|layout \d+|"
    r"unknown|none|null|template|scan\w*|.*\.[a-z]{2,4}\d?)",
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
_FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_FRONT_MATTER = re.compile(r"\ufeff?---\s*\n(.*?)\n---\s*(?:\n|$)", re.DOTALL)
_MATTER_TITLE = re.compile(r"^title:[ \t]*(.+)$", re.MULTILINE)
_MARKDOWN_HEADING = re.compile(
    r"^ {0,3}#{1,6}[ \t]+(?P<hashed>.+?)[ \t#]*$|^(?P<underlined>\S.*)\r?\n={3,}[ \t]*\r?$",
    re.MULTILINE,
)


def choose_title(extracted: Extracted, file_name: str) -> str:
    """The declared title if it is one, else the first heading, else the file's name.

    A title that many documents share is put after the file's name.
    """
    name = title_from_name(file_name)
    for candidate in (extracted.title, extracted.heading):
        title = one_line(candidate or "")
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


def markdown_title(text: str) -> str | None:
    """The title in the front matter, or the first heading near the top."""
    matter = _FRONT_MATTER.match(text[:10_000])
    if matter:
        if declared := _MATTER_TITLE.search(matter[1]):
            return declared[1].strip().strip("\"'")
        text = text[matter.end() :]
    heading = _MARKDOWN_HEADING.search(_FENCED.sub("", text[:_TOP]).lstrip("\ufeff"))
    if not heading:
        return None
    title: str = heading["hashed"] or heading["underlined"]
    title = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", title)
    return re.sub(r"[*`]+|</?\w[^>]*>", "", title)


def _is_title(title: str) -> bool:
    return (
        3 <= len(title) <= _LONGEST
        and any(character.isalpha() for character in title)
        and not title.endswith((":", ","))  # a salutation
        and not _LEFTOVER.fullmatch(title)
    )
