"""The sign on the pole and the page behind its QR code, from the unit's configuration.

Two layers, as the EDPB's guidelines 3/2019 on video devices ask for (section 7): the
most important facts on the sign itself, all the rest on a page that it points to.
The head shake is one of three ways to refuse, and never the only one: the CNIL did
not accept a gesture alone (17 June 2020).
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Literal

from maskcam.config import Config, refuse_examples
from maskcam.errors import ConfigError, UsageError
from maskcam.technician.facts import (
    HERE,
    Language,
    day,
    facts,
    hides_people,
    hours,
    way_round,
    words,
)
from maskcam.technician.typeset import Form, typeset

Size = Literal["a4", "a3"]
LINK = re.compile(r"https?://[^\s<]*[^\s<.,]|www\.[\w.-]+\w|[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How the sign is made.

    languages: one, or two on the same sign; the first is the larger.
    size: of the paper. A3 is read from afar; on A4 the gesture can be read at 3 m.
    arms: picture of the city's arms (.svg or .png), or none.
    draft: it may lack what the law asks for, and says across the page that it is none.
    """

    languages: tuple[Language, ...] = ("en",)
    size: Size = "a3"
    arms: Path | None = None
    draft: bool = False


def write(config: Config, style: Style, output: Path) -> list[str]:
    """Writes the sign (.pdf, .png, .svg) or the second layer (.html) to `output`.

    Returns:
        a line for each thing the sign should say but the configuration leaves out.

    Raises:
        ConfigError: what the law asks for is missing, or stands in the example, and it is no draft.
        UsageError: the suffix of `output` is none of these, or it cannot be written.
        MaskcamError: the extra `sign` is not installed.
    """
    if not style.draft:
        refuse_examples(config)
        if missing := omissions(config)[: _demanded(config)]:
            raise ConfigError("\n".join(f"{line}, or add --draft" for line in missing))
    suffix = output.suffix.lower().removeprefix(".")
    match suffix:
        case "html":
            content = "".join(second_layer(config, style)).encode()
        case "pdf" | "png" | "svg":
            content = first_layer(config, style, form=suffix)
        case _:
            raise UsageError(f"{output}: name the sign .pdf, .png or .svg, or .html for its page")
    try:
        output.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{output}: cannot be written ({error.strerror})") from error
    return omissions(config)


def omissions(config: Config) -> list[str]:
    """Returns a line for each fact that the law asks for and the configuration leaves out.

    First those without which there is no sign but a draft.
    """
    notice = config.notice
    demanded = {
        "legal_basis": (notice.legal_basis, "the legal basis is not stated"),
        "dpo_contact": (notice.dpo_contact, "the data protection officer is not named"),
        "information_url": (notice.information_url, "the sign has no QR code to its page"),
    }
    wanted = {
        "retention": (notice.retention, "nobody learns how long the numbers are kept"),
        "way_round_fr": (
            notice.way_round_fr or notice.way_round_en,
            "no path that is not filmed is named",
        ),
        "deployment_ends": (notice.deployment_ends, "no last day is named"),
    }
    return [
        f"[notice] {key} is not set: {effect}; set it and make the sign again"
        for key, (value, effect) in {**demanded, **wanted}.items()
        if not value
    ]


def _demanded(config: Config) -> int:
    """Returns how many of the omissions make it a draft."""
    notice = config.notice
    return sum(
        not value for value in (notice.legal_basis, notice.dpo_contact, notice.information_url)
    )


def first_layer(config: Config, style: Style, *, form: Form) -> bytes:
    """Returns the sign as a PDF (with embedded fonts), PNG or SVG (with outlined text)."""
    data = _sign_data(config, style)
    [page] = typeset(HERE / "sign.typ", data, form=form, dated=config.notice.sign_date)
    return page


def second_layer(config: Config, style: Style) -> str:
    """Returns the page with all of it: one HTML file that loads nothing else."""
    language = style.languages[0]
    body = "\n".join(_article(config, name, style) for name in style.languages)
    title = words(language)["layer"]["title"].format_map(facts(config, language))
    return _PAGE.format(language=language, title=escape(title), body=body)


def _article(config: Config, language: Language, style: Style) -> str:
    text = words(language)
    layer = text["layer"]
    values = {key: escape(value) for key, value in facts(config, language).items()}

    def filled(words: str) -> str:
        return LINK.sub(_linked, escape(words, quote=False).format_map(values))

    parts = [f'<article lang="{language}">']
    if style.draft:
        parts.append(f'<p class="draft">{text["sign"]["draft"]}</p>')
    parts += [f"<h1>{filled(layer['title'])}</h1>", f"<p>{filled(layer['lead'])}</p>"]
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
    return "\n".join([*parts, "</article>"])


def _linked(found: re.Match[str]) -> str:
    """Returns an address as a link; nothing is loaded until it is followed."""
    address = found[0]
    scheme = "mailto:" if "@" in address else "" if address.startswith("http") else "https://"
    return f'<a href="{scheme}{address}">{address}</a>'


def _sign_data(config: Config, style: Style) -> dict[str, Any]:
    notice = config.notice
    arms = style.arms
    return {
        "size": style.size,
        "languages": [_sign_texts(config, language) for language in style.languages],
        "controller": notice.controller,
        "contact": notice.contact,
        "dpo_contact": notice.dpo_contact,
        "authority": notice.authority,
        "information_url": notice.information_url,
        "qr": _qr(notice.information_url),
        "arms": arms.suffix.lower().removeprefix(".") if arms else "",
        "arms_bytes": list(arms.read_bytes()) if arms else [],
        "draft": words(style.languages[0])["sign"]["draft"] if style.draft else "",
    }


def _sign_texts(config: Config, language: Language) -> dict[str, Any]:
    """Returns the texts of one language, filled in."""
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
    filled |= {
        "language": language,
        "way_round": way_round(config, language) or text["detour_default"],
        "when_text": ", ".join(part for part in (opening, span) if part),
        "legal_basis_text": _capital(values["legal_basis"]) if notice.legal_basis else "",
        "lamp": filled["lamp"] if config.lamp.gpio is not None else "",
        "also": "\n".join(
            filled[name]
            for name, offered in (
                ("hand", config.objections.hand),
                ("button", config.objections.button_gpio is not None),
            )
            if offered
        ),
    }
    return {**filled, "lines": _lines(config, filled)}


def _lines(config: Config, filled: dict[str, Any]) -> list[tuple[str, str]]:
    """Returns the headings and texts of the first layer, in their order."""
    notice = config.notice
    noise = f" {filled['processed_noise']}" if hides_people(config.counting) else ""
    lines = [
        ("controller", notice.controller),
        ("purpose", filled["purpose_text"]),
        ("legal_basis", filled["legal_basis_text"]),
        ("when", filled["when_text"]),
        ("processed", filled["processed_text"] + noise),
        ("rights", filled["rights_text"]),
        ("dpo", notice.dpo_contact),
        ("complaint", notice.authority),
    ]
    return [(filled[name], text) for name, text in lines if text]


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
  article + article {{ border-top: 1px solid; margin-top: 2rem }}
  .draft {{ background: #c0392b; color: #fff; font-weight: bold; padding: .5rem 1rem }}
  svg {{ display: block; width: 12rem; margin: 1rem auto }}
</style>
<main>
{body}
</main>
</html>
"""
