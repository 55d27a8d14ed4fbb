"""Bullets and numbers of lists."""

import re

MARKER = re.compile(r"[•‣◦▪●○■□▶➢✓∙·*–—-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivxlcIVXLC]{1,5})[.)]")
# "1.2" may be a clause's number, or a value.
CLAUSE = re.compile(r"\d{1,2}(?:\.\d{1,2})+\.?")
