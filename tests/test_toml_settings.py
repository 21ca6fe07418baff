"""What a hurried hand writes into a TOML file is explained in one line."""

from __future__ import annotations

import pytest

from maskcam import messages, toml_settings
from maskcam.errors import ConfigError

HINTS = {
    "sign_date = 01/11/2026": "dates are written 2026-11-01",
    "sign_date = 1.11.2026": "dates are written 2026-11-01",
    "sign_date = 01-11-2026": "dates are written 2026-11-01",
    "sign_date = 2026/11/01": "dates are written 2026-11-01",
    "sign_date = 2026-11-1": "dates are written 2026-11-01",
    "sign_date = 1er novembre 2026  # la pose": "dates are written 2026-11-01",
    "id = \u201cforville-01\u201d": "use straight quotes",
    "id = \u00abforville-01\u00bb": "use straight quotes",
    "id = `forville-01`": "use straight quotes",
    "fps = 12,5": "numbers are written with a point",
    "aim = False": "use true or false",
    "aim = non": "use true or false",
    "id = forville-01": "write texts in quotes",
    "id: 'forville-01'": 'write key = "value"',
    "[unit": "a section is written [name]",
    'id = "forville-01': "a quote is missing",
    "id =": "write a value, or remove the line",
}


@pytest.mark.parametrize("line", HINTS)
def test_a_wrong_line_is_shown_with_what_to_write(line):
    with pytest.raises(ConfigError) as caught:
        toml_settings.parse(f"# a unit\n\n{line}\n", name="maskcam.toml")
    [line_of_error] = str(caught.value).splitlines()
    assert line_of_error.startswith("maskcam.toml: line 3: ")
    assert HINTS[line] in line_of_error


@pytest.mark.parametrize("text", ["a = 1\na = 2\n", "[a]\n[b]\n[a]\n"])
def test_what_stands_twice(text):
    with pytest.raises(ConfigError, match="stands twice; keep one"):
        toml_settings.parse(text, name="maskcam.toml")


@pytest.mark.parametrize(
    ("text", "locale", "language"),
    [
        ('[technician]\nlanguage = "fr"\n', "en_GB.UTF-8", "fr"),
        ('language = \u201cfr\u201d\nid = "', "", "fr"),
        ("[unit]\n", "fr_FR.UTF-8", "fr"),
        ("[unit]\n", "", ""),
    ],
)
def test_the_language_is_found_in_a_file_that_is_no_toml(text, locale, language):
    assert messages.language_of(text, {"LANG": locale}) == language
