"""What this unit does, in plain words, from its own configuration."""

from __future__ import annotations

import textwrap

from maskcam.config import Config
from maskcam.technician.facts import Language, facts, words

_WIDTH = 88
_PARTS = ("measures", "objection", "leaves", "never", "who")


def explain(config: Config, *, language: Language) -> str:
    """Returns what the unit measures, what leaves it, when and to where, as text for a screen."""
    text = words(language)["explain"]
    values = facts(config, language)
    parts = [_underlined(text["title"].format_map(values))]
    for part in _PARTS:
        lines = "\n".join(
            textwrap.fill(
                line.strip(),
                _WIDTH,
                initial_indent="- ",
                subsequent_indent="  ",
                break_long_words=False,
                break_on_hyphens=False,
            )
            for line in (wording.format_map(values) for wording in text[f"{part}_text"])
            if line
        )
        parts.append(f"{text[part]}\n{lines}")
    return "\n\n".join(parts)


def _underlined(title: str) -> str:
    return f"{title}\n{'=' * len(title)}"
