"""What every page needs, and how addresses are read."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlencode

from fastapi import Request
from fastapi.templating import Jinja2Templates
from starlette.responses import Response

from maskcam.cityhall.accounts import Account
from maskcam.cityhall.audit import Audit
from maskcam.cityhall.language import Words, choose
from maskcam.cityhall.outline import Line
from maskcam.cityhall.periods import Periods
from maskcam.cityhall.reader import Reader, Span
from maskcam.cityhall.registry import Registry
from maskcam.cityhall.settings import Settings
from maskcam.cityhall.texts import LANGUAGES, TEXTS
from maskcam.cityhall.web.answer_cache import Memo
from maskcam.cityhall.web.limits import Turns
from maskcam.cityhall.web.origin import foreign_form, plain_name
from maskcam.names import LOOPBACK_HOSTS

MAX_SPAN_DAYS = 400
PART_HEADER = "X-Maskcam-Part"
DEFAULT_DAYS = {"compare": 7, "where": 28}
"""What these pages show unless it is chosen: so many days that are over."""
LARGE = 150_000
"""Camera hours: a page that reads more of them shows itself when they are summed."""
YEARS = range(2000, 2200)
"""Days of other years are no days of ours, and their arithmetic ends at the years 1 and 9999."""

T = TypeVar("T")


class WrongAddressError(ValueError):
    """A value in the address is not what it should be; the text names the parameter."""


class NotThereError(LookupError):
    """The address names a site that does not exist."""


@dataclass(frozen=True)
class WebContext:
    """The parts that the pages are made from."""

    settings: Settings
    reader: Reader
    audit: Audit
    templates: Jinja2Templates
    clock: Callable[[], datetime]
    exports: Turns = field(default_factory=lambda: Turns(2, waiting=30, wait_s=20))
    """Who fetches much at once: answers that are long or take long."""
    memo: Memo = field(default_factory=Memo)
    """What many readers ask for at the same time."""
    registry: Registry = field(default_factory=Registry)
    """Where the units stand."""
    outline: list[Line] = field(default_factory=list)
    """What the map is drawn over."""

    @cached_property
    def own_names(self) -> frozenset[str]:
        """The host names under which the pages are reached."""
        web = self.settings.web
        names = {*LOOPBACK_HOSTS, *web.host_names}
        if web.listen not in {"0.0.0.0", "::"}:  # noqa: S104
            names.add(web.listen)
        return frozenset(map(plain_name, names))


class Page:
    """One request: its language, its time, and the answer."""

    def __init__(self, context: WebContext, request: Request) -> None:
        self.context = context
        self.request = request
        self.now = context.clock().astimezone(UTC)
        zone = context.settings.city.zone_info
        accepted = request.headers.get("accept-language", "")
        self.words = Words(
            choose(request.query_params.get("lang"), accepted),
            zone=zone,
            right=context.settings.recognition.right_at_least,
        )
        self.periods = Periods(context.reader.calendar, now=self.now)
        self.parts: dict[str, str] = {}
        """Of what was rendered, the elements that an open page replaces alone, by their ids."""

    @property
    def account(self) -> Account | None:
        """Who asks; None where nobody has to sign in, and on open pages."""
        return getattr(self.request.state, "account", None)

    @property
    def part_only(self) -> bool:
        """Whether an open page asks for its figures anew, without what stands around them."""
        return self.request.headers.get(PART_HEADER) == "main"

    @property
    def who(self) -> str:
        """The name of who asks, for limits and for the audit log."""
        return "nobody (no accounts)" if self.account is None else self.account.name

    def may(self, scope: str) -> bool:
        """Whether who asks has this scope; without accounts, everybody at this machine has."""
        if not self.context.settings.web.needs_login:
            return True
        return self.account is not None and self.account.may(scope)

    def foreign_form(self) -> str | None:
        """Returns why a posted form does not come from a page of ours, None if it does."""
        return foreign_form(
            self.request.headers,
            scheme=self.request.url.scheme,
            own=self.context.own_names,
            behind_proxy=self.context.settings.web.behind_proxy,
        )

    def refuse_unless_admin(self) -> Response | None:
        """Returns the answer to a form that no administrator sent from our pages, else None."""
        foreign = self.foreign_form()
        if foreign is None and self.may("admin"):
            return None
        text = self.words("foreign", what=foreign) if foreign else self.words("not_allowed")
        return self.render("error.html", status=403, text=text)

    def worked_out(self, span: Span, key: tuple[object, ...], make: Callable[[], T]) -> T:
        """Returns what `make` works out of the hours of `span`, once for all who ask for `key`.

        Raises:
            StillWorkingError: it takes long; ask again in a few seconds.
        """
        memo, key = self.context.memo, (*key, span)
        found: T
        if self.context.reader.camera_hours(span) < LARGE:
            found = memo.get(key, make)
        else:
            found = memo.get_soon(key, make)
        return found

    @cached_property
    def sites(self) -> list[str]:
        """All sites."""
        return self.context.reader.sites()

    def name_order(self, site: str) -> tuple[str, str]:
        """Returns what sorts sites by the names that readers see, accents aside."""
        plain = unicodedata.normalize("NFKD", self.context.settings.site_name(site))
        return "".join(c for c in plain if not unicodedata.combining(c)).casefold(), site

    def site(self, name: str) -> str:
        """Returns `name` if there is such a site.

        Raises:
            NotThereError: there is none.
        """
        if name not in self.sites:
            raise NotThereError(name[:63])
        return name

    def day(self, parameter: str, default: date) -> date:
        """Reads a day from the address.

        Raises:
            WrongAddressError: it is none.
        """
        text = self.request.query_params.get(parameter)
        return self.as_day(text, parameter) if text else default

    @staticmethod
    def as_day(text: str, parameter: str) -> date:
        """Returns the day that a text names.

        Raises:
            WrongAddressError: it names none.
        """
        try:
            found = date.fromisoformat(text[:10]) if len(text) == 10 else None
        except ValueError:
            found = None
        if found is None or found.year not in YEARS:
            raise WrongAddressError(parameter)
        return found

    def text(self, parameter: str) -> str:
        """Reads a short text from the address, "" without one."""
        return self.request.query_params.get(parameter, "").strip()[:63]

    def word(self, parameter: str, default: str, known: set[str]) -> str:
        """Reads one of some words from the address.

        Raises:
            WrongAddressError: it is another.
        """
        found = self.text(parameter) or default
        if found not in known:
            raise WrongAddressError(parameter)
        return found

    def whole(self, parameter: str, default: int | None, *, low: int, high: int) -> int | None:
        """Reads a whole number from the address.

        Raises:
            WrongAddressError: it is none, or out of range.
        """
        text = self.request.query_params.get(parameter)
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 5 and low <= int(text) <= high):
            raise WrongAddressError(parameter)
        return int(text)

    def span(
        self, *, days: int, limit: int = MAX_SPAN_DAYS, over: bool = False
    ) -> tuple[date, date, Span]:
        """Reads ``from`` and ``to``; without them the last `days` days including today.

        With `over`, without today, unless nothing is known of any day before.

        Raises:
            WrongAddressError: they are no days, in the wrong order, or too far apart.
        """
        last = self.day("to", self._yesterday() if over else self.periods.today)
        first = self.day("from", last - timedelta(days=days - 1))
        if not timedelta(0) <= last - first <= timedelta(days=limit):
            raise WrongAddressError("from")
        return first, last, self.periods.days(first, last)

    def _yesterday(self) -> date:
        today = self.periods.day(self.periods.today)
        first = self.context.reader.first_day()
        known = first is not None and first < today.start
        return self.periods.today - timedelta(days=1) if known else self.periods.today

    def address(self, path: str, **parameters: object) -> str:
        """Returns an address of ours that keeps the language chosen in this one."""
        kept = {k: str(v) for k, v in parameters.items() if v is not None}
        if chosen := self.request.query_params.get("lang"):
            kept.setdefault("lang", self.words.language if chosen else "")
        return path + (f"?{urlencode(kept)}" if kept else "")

    def render(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """Returns the page."""
        settings = self.context.settings
        values |= {
            "t": self.words,
            "city": settings.city.name,
            "site_name": settings.site_name,
            "address": self.address,
            "now_text": self.words.minute(self.periods.now),
            "languages": [(code, TEXTS["language"][i]) for i, code in enumerate(LANGUAGES)],
            "other_language": self._in_language,
            "person": self.account.name if self.account else None,
            "may": self.may,
            "path": self.request.url.path,
            "public_page": settings.web.public_page,
            "q": self.text("q"),
            "kept": {
                name: value
                for name, value in self.request.query_params.items()
                if name not in {"q", "page"}
            },
            "keep": self._keep,
            "part_only": self.part_only,
            "part": self._part,
        }
        response = self.context.templates.TemplateResponse(
            self.request, template, values, status_code=status
        )
        response.headers["Content-Language"] = self.words.language
        response.headers["Vary"] = f"Accept-Language, Cookie, {PART_HEADER}"
        return response

    def _part(self, name: str, *, caller: Callable[[], str]) -> str:
        """Notes an element that stands in a template as a call of this, and returns it."""
        self.parts[name] = html = caller()
        return html

    def _keep(self, **changes: object) -> str:
        """Returns this address with some of its parameters changed; None drops one."""
        kept = dict(self.request.query_params) | changes
        kept = {name: value for name, value in kept.items() if value is not None}
        return self.request.url.path + (f"?{urlencode(kept)}" if kept else "")

    def _in_language(self, code: str) -> str:
        kept = dict(self.request.query_params) | {"lang": code}
        return f"{self.request.url.path}?{urlencode(kept)}"
