"""What of a page is no text of it: menus, banners, lists of languages, what is hidden.

Rules, not a model: an element goes for what it is (`nav`, `role="navigation"`), for what it is
called *and* looks like (a `sidebar` that is mostly links), or because it is a list of links beside
the main text. Where too little would be left, less is taken away. `tests/benchmarks/documents.py`
measures what it keeps.
"""

import re

from indexes.documents.readers.html.tree import Element
from indexes.documents.report import ReadingReport

_MENUS = frozenset({"navigation", "search", "menu", "menubar", "toolbar", "tablist"})
_MAIN = frozenset({"main", "article"})
_CONTENT = frozenset({"section", "td", "blockquote"})
_BOXES = frozenset(
    {"div", "ul", "ol", "dl", "table", "section", "aside", "p", "form", "td", "center", "menu"}
)
# Names of classes and ids, in words. What always goes,
_ALWAYS = frozenset(
    {
        "navbox", "navbar", "breadcrumb", "breadcrumbs", "pagination", "pager", "catlinks",
        "editsection", "printfooter", "interlanguage", "skiplink", "jumplink",
    }
)  # fmt: skip
# what goes if it is a block of its own,
_IF_BLOCK = "noprint"
# what goes if it is mostly links,
_IF_LINKS = frozenset(
    {
        "nav", "navigation", "menu", "submenu", "sidebar", "related", "recommended", "languages",
        "language", "langlinks", "lang", "portal", "toolbar", "toc", "categories", "tags",
        "topbar", "masthead", "sitemap", "links", "header", "footer",
    }
)  # fmt: skip
# and what goes if it is short.
_IF_SHORT = frozenset(
    {
        "share", "sharing", "social", "newsletter", "subscribe", "advert", "advertisement", "ads",
        "adsense", "promo", "popup", "modal", "overlay", "toast", "skip",
    }
)  # fmt: skip
_SHORT = 60
# So many words that are no links are a text.
_A_TEXT = 50
_CONSENT = frozenset({"cookie", "cookies", "gdpr", "consent", "ccpa", "onetrust", "cookiebot"})
_ABOUT_CONSENT = re.compile(
    r"cookies?\b.{0,200}(?:accept|agree|consent|use|privacy|policy|akzept|zustimm|accepter|aceptar)|"
    r"(?:accept|use|utilis|verwend|usa|we store).{0,80}cookies?",
    re.IGNORECASE | re.DOTALL,
)
_SKIP = re.compile(r"\s*(?:skip|jump) to (?:the )?(?:main|content|nav|search|top|footer|body)")
_LONGEST_NOTICE = 300
_HIDDEN_NAMES = frozenset({"hidden", "visuallyhidden", "sr", "screenreader"})
_HIDING = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_SPLIT = re.compile(r"[^a-z0-9]+|(?<=[a-z])(?=[A-Z])")
_ENOUGH = 25
_TOO_LITTLE, _FEW_LEFT = 0.1, 0.5


def without_hidden(root: Element, report: ReadingReport) -> None:
    """Take away what isn't shown or was replaced, unless nothing else would be left."""
    taken = _Taken()
    waiting = [root]
    deleted = 0
    while waiting:
        parent = waiting.pop()
        replaced = any(child.tag == "ins" for child in parent.elements())
        gone = [
            child
            for child in parent.elements()
            if (replaced and child.tag == "del") or _is_hidden(child)
        ]
        deleted += sum(child.tag == "del" for child in gone)
        waiting += taken.take(parent, gone)
    count(root)
    if root.words or not taken.count:
        report.leave_out("hidden text", taken.count - deleted)
        report.leave_out("deleted text", deleted)
        return
    taken.put_back()
    count(root)
    report.guessed.append("all text is hidden, until a script shows it: it was read")


def without_furniture(root: Element, report: ReadingReport) -> None:
    """Take away menus, banners and the like, once the words are counted."""
    for careful in (False, True):
        page = _Page(root, careful)
        page.take()
        left = root.words - page.words
        share = left / root.words if root.words else 1
        if share > (_FEW_LEFT if left < _ENOUGH else _TOO_LITTLE):
            for what, elements in page.reasons.items():
                report.leave_out(what, elements)
            return
        page.taken.put_back()
        report.guessed.append(
            f"menus and banners seemed to hold all but {left} of {root.words} words: "
            + ("they were read" if careful else "only what is marked as such was left out")
        )


def count(root: Element) -> None:
    """Count the words of all elements, and how many are in links; find those with main text."""
    for element in reversed(list(root.walk())):
        words = linked = links = 0
        holds = element.tag in _MAIN or element.tag == "h1" or element.says("role") == "main"
        for child in element.children:
            if isinstance(child, str):
                words += len(child.split())
            else:
                words += child.words
                linked += child.linked
                links += child.links
                holds = holds or child.holds_main
        element.words, element.linked, element.links = words, linked, links
        element.holds_main = holds
        if element.tag == "a":
            element.linked, element.links = words, 1


class _Taken:
    """What was taken away, so that it can be put back."""

    def __init__(self) -> None:
        self.count = 0
        self._before: list[tuple[Element, list[Element | str]]] = []

    def take(self, parent: Element, going: list[Element]) -> list[Element]:
        """Take some children away from an element; those that stay."""
        if going:
            # A space, so that the words beside it don't run together.
            gone = {child: " " if child.text().strip() else "" for child in going}
            self.count += sum(map(bool, gone.values()))
            self._before.append((parent, parent.children))
            parent.children = [
                gone[child] if isinstance(child, Element) and child in gone else child
                for child in parent.children
            ]
        return list(parent.elements())

    def put_back(self) -> None:
        """Put everything back that was taken away."""
        for parent, children in self._before:
            parent.children = children


class _Page:
    """One page, and what is left out of it; if `careful`, only what is marked as furniture."""

    def __init__(self, root: Element, careful: bool) -> None:
        self._root = root
        self._careful = careful
        self.taken = _Taken()
        self.reasons: dict[str, int] = {}
        self.words = 0

    def take(self) -> None:
        """Take away what goes."""
        waiting = [(self._root, False, False)]
        while waiting:
            parent, in_main, in_content = waiting.pop()
            in_main = in_main or parent.tag in _MAIN or parent.says("role") == "main"
            in_content = in_content or in_main or parent.tag in _CONTENT
            going = []
            for child in parent.elements():
                if reason := self._reason(child, in_main, in_content):
                    going.append(child)
                    self.words += child.words
                    if child.words:
                        self.reasons[reason] = self.reasons.get(reason, 0) + 1
            for child in self.taken.take(parent, going):
                waiting.append((child, in_main, in_content))

    def _reason(self, element: Element, in_main: bool, in_content: bool) -> str:
        """Why an element goes; "" if it stays."""
        role = element.says("role")
        if element.tag == "nav" or role in _MENUS or _is_language_list(element):
            return "menus"
        if element.tag in _MAIN or element.holds_main:
            return ""
        names = _names(element)
        if element.tag == "a" and element.words < 8 and _SKIP.match(element.text().lower()):
            return "menus"
        if _asks_for_consent(element, names, role):
            return "cookie notices"
        if names & _ALWAYS:
            return "menus"
        if _IF_BLOCK in names and element.tag in _BOXES:
            return "menus"
        outermost = role in ("banner", "contentinfo") or element.tag in ("header", "footer")
        if outermost and not in_content:
            return "headers and footers"
        if self._careful or element.words > self._root.words / 2:
            return ""
        # "Main article: …" above a section is a note, and one of links.
        links = _is_mostly_links(element) and role != "note"
        if names & _IF_LINKS and links:
            return "menus"
        if names & _IF_SHORT and element.words < _SHORT and element.tag in _BOXES | {"span"}:
            return "banners"
        if not in_main and element.tag in _BOXES and element.links >= 4 and links:
            return "menus"
        return ""


def _is_hidden(element: Element) -> bool:
    attributes = element.attributes
    if not attributes:
        return False
    role = element.says("role")
    if role == "tabpanel" or (role == "region" and "aria-labelledby" in attributes):
        return False  # a click shows it
    if "hidden" in attributes and element.says("hidden") != "until-found":
        return True
    if element.says("aria-hidden") == "true" and element.tag not in ("img", "body", "main"):
        return True
    if element.tag == "input" and element.says("type") == "hidden":
        return True
    names = _words(attributes.get("class") or "")
    if ("hidden" in names and "visually" in names) or {"sr", "only"} <= names:
        return True
    if names and element.says("class") in _HIDDEN_NAMES:
        return True
    return bool(_HIDING.search((attributes.get("style") or "")[:2000]))


def _names(element: Element) -> set[str]:
    attributes = element.attributes
    if not attributes:
        return set()
    return _words(f"{attributes.get('class') or ''} {attributes.get('id') or ''}")


def _words(name: str) -> set[str]:
    return {word.lower() for word in _SPLIT.split(name[:500]) if word}


def _is_mostly_links(element: Element) -> bool:
    """Whether it is made of links, of a few words each, and not of text with links in it."""
    links = element.links
    if element.words - element.linked > _A_TEXT:
        return False
    return links > 0 and element.linked >= 0.6 * element.words and element.linked <= 6 * links


def _is_language_list(element: Element) -> bool:
    if element.tag not in _BOXES or element.links < 3 or element.words > 6 * element.links:
        return False
    tongues = sum(
        1 for link in element.walk() if link.tag == "a" and link.attributes.get("hreflang")
    )
    return tongues >= 3 and tongues >= 0.8 * element.links


def _asks_for_consent(element: Element, names: set[str], role: str) -> bool:
    if element.words > _LONGEST_NOTICE or element.tag not in _BOXES | {"dialog", "footer"}:
        return False
    named = bool(names & _CONSENT) or any(name.startswith("cookie") for name in names)
    asks = role in ("dialog", "alertdialog") or element.tag == "dialog"
    return (named or asks) and bool(_ABOUT_CONSENT.search(element.text()[:4000]))
