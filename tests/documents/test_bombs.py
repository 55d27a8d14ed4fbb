"""Files made to stop whoever reads them end in one line, or are read, within the limits."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from indexes.documents import load_document
from indexes.documents.limits import Limits
from indexes.errors import DocumentError
from tests.documents.bombs import BOMBS, READ
from tests.documents.files import written

_SECONDS = 6  # of the processor, however large the file is
_FEWER = 2  # for what is to take too long


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(BOMBS))
def test_a_bomb_is_read_or_refused_in_one_line(name: str, tmp_path: Path) -> None:
    make, expected = BOMBS[name]
    data = make()
    path = written(tmp_path, name, data)
    seconds = _FEWER if "too long" in expected else _SECONDS
    limits = Limits(seconds=seconds - 4 * len(data) / 1024**2)
    picture = path.suffix in (".png", ".tiff")
    if picture and find_spec("rapidocr") is None:
        pytest.skip("the extra `ocr` is missing")
    try:
        found = load_document(path, limits=limits, ocr=picture, levels=(1024, 256, 128))
        said = READ if found.text else ""
    except DocumentError as error:
        said = str(error)
        assert str(path) in said
        assert "\n" not in said
    assert re.search(expected, said)
