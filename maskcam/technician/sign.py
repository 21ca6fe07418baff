"""The sign on the pole and the page behind its QR code, from the unit's configuration.

Two layers, as the EDPB's guidelines 3/2019 on video devices ask for (section 7): the
most important facts on the sign itself, all the rest on a page that it points to.
The head shake is one of three ways to refuse, and never the only one: the CNIL did
not accept a gesture alone (17 June 2020).
"""

from __future__ import annotations

import io
from html import escape
from pathlib import Path
from typing import Any, Literal

from maskcam.config import Config
from maskcam.errors import UsageError
from maskcam.technician.facts import HERE, Language, day, facts, hours, way_round, words
from maskcam.technician.typeset import Form, typeset

Size = Literal["a4", "a3"]


def write(config: Config, *, language: Language, size: Size, output: Path) -> list[str]:
    """Writes the sign (.pdf, .png, .svg) or the second layer (.html) to `output`.

    Returns:
        a line for each thing the sign should say but the configuration leaves out.

    Raises:
        UsageError: the suffix of `output` is none of these, or it cannot be written.
        MaskcamError: the extra `sign` is not installed.
    """
    suffix = output.suffix.lower().removeprefix(".")
    match suffix:
        case "html":
            content = second_layer(config, language=language).encode()
        case "pdf" | "png" | "svg":
            content = first_layer(config, language=language, size=size, form=suffix)
        case _:
            raise UsageError(f"{output}: name the sign .pdf, .png or .svg, or .html for its page")
    try:
        output.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{output}: cannot be written ({error.strerror})") from error
    return omissions(config)


def omissions(config: Config) -> list[str]:
    """Returns a line for each fact that the law asks for and the configuration leaves out."""
    notice = config.notice
    asked = {
        "information_url": (notice.information_url, "the sign has no QR code"),
        "dpo_contact": (notice.dpo_contact, "the data protection officer is not named"),
        "legal_basis": (notice.legal_basis, "the legal basis is not stated"),
        "way_round_fr": (
            notice.way_round_fr or notice.way_round_en,
            "no way that is not filmed is named",
        ),
        "deployment_ends": (notice.deployment_ends, "no last day is told"),
    }
    return [
        f"[notice] {key} is not set: {effect}; set it and make the sign again"
        for key, (value, effect) in asked.items()
        if not value
    ]


def first_layer(config: Config, *, language: Language, size: Size, form: Form) -> bytes:
    """Returns the sign as a PDF (with embedded fonts), PNG or SVG (with outlined text)."""
    data = _sign_data(config, language=language, size=size)
    [page] = typeset(HERE / "sign.typ", data, form=form, dated=config.notice.sign_date)
    return page


def second_layer(config: Config, *, language: Language) -> str:
    """Returns the page that tells all of it: one HTML file that loads nothing else."""
    layer = words(language)["layer"]
    values = {key: escape(value) for key, value in facts(config, language).items()}

    def filled(text: str) -> str:
        return escape(text, quote=False).format_map(values)

    parts = [f"<h1>{filled(layer['title'])}</h1>", f"<p>{filled(layer['lead'])}</p>"]
    for section in layer["section"]:
        parts.append(f"<h2>{filled(section['heading'])}</h2>")
        parts += [f"<p>{filled(text)}</p>" for text in section["text"]]
        if "list" in section:
            lines = filter(None, map(filled, section["list"]))
            items = "".join(f"<li>{line}</li>" for line in lines)
            parts.append(f"<ol>{items}</ol>")
            parts.append((HERE / "art" / "headshake.svg").read_text(encoding="utf-8"))
        if "after" in section:
            parts.append(f"<p>{filled(section['after'])}</p>")
    return _PAGE.format(language=language, title=filled(layer["title"]), body="\n".join(parts))


def _sign_data(config: Config, *, language: Language, size: Size) -> dict[str, Any]:
    text = words(language)["sign"]
    notice = config.notice
    values = facts(config, language)
    filled = {
        key: value.format_map(values) if isinstance(value, str) else value
        for key, value in text.items()
        if key != "until"
    }
    until = notice.deployment_ends
    span = text["until"].format(date=day(until, language)) if until else ""
    open_at = hours(config, language)
    opening = words(language)["phrase"]["hours_short"].format(list=open_at) if open_at else ""
    several = int(values["min_people"]) > 1
    return {
        **filled,
        "language": language,
        "size": size,
        "words": filled,
        "controller": notice.controller,
        "legal_basis": _capital(values["legal_basis"]) if notice.legal_basis else "",
        "contact": notice.contact,
        "dpo_contact": notice.dpo_contact,
        "authority": notice.authority,
        "way_round": way_round(config, language) or text["detour_default"],
        "when": ", ".join(part for part in (opening, span) if part),
        "processed": filled["processed_text"]
        + (f" {filled['processed_minimum']}" if several else ""),
        "lamp": filled["lamp"] if config.lamp.gpio is not None else "",
        "information_url": notice.information_url,
        "qr": _qr(notice.information_url),
    }


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _qr(address: str) -> str:
    """Returns a QR code as SVG that still reads with a quarter of it scratched away."""
    if not address:
        return ""
    import segno

    picture = io.BytesIO()
    code = segno.make_qr(address, error="q")
    code.save(picture, kind="svg", border=2, dark="#12324f", light="#ffffff", scale=4)
    return picture.getvalue().decode()


_PAGE = """\
<!doctype html>
<html lang="{language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  body {{ font: 1.1rem/1.55 system-ui, sans-serif; color: #12324f; background: #fff;
         max-width: 42rem; margin: 0 auto; padding: 1.5rem }}
  h1 {{ font-size: 1.7rem; line-height: 1.25 }}
  h2 {{ font-size: 1.2rem; margin: 2rem 0 .3rem }}
  p, ol {{ margin: .4rem 0 }}
  svg {{ display: block; width: 12rem; margin: 1rem auto }}
</style>
<main>
{body}
</main>
</html>
"""
