"""Notifies by e-mail or webhook which cameras need attention, and sends the report each Monday."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from fastapi import Request

from maskcam.cityhall.health import find_health
from maskcam.cityhall.mail_webhook import Channel, Letter, channels
from maskcam.cityhall.notifications import ALL, News, Notices, find_news
from maskcam.cityhall.web.context import Page, WebContext
from maskcam.cityhall.web.pdf import PdfError
from maskcam.cityhall.web.repeated import EVERY_S, Repeated
from maskcam.cityhall.web.report import pdf_of, read_aloud, week_name
from maskcam.cityhall.weekly import find_week, last_monday
from maskcam.errors import MaskcamError

_log = logging.getLogger(__name__)

REPORT_HOUR = 7
"""On Monday, by the city's clocks; on Tuesday, if nothing ran on Monday."""


def notifiers(context: WebContext) -> list[Notifier]:
    """Returns the notifier of a configuration, if it has one."""
    found = channels(context.settings.notify)
    return [Notifier(context, found)] if found else []


class Notifier(Repeated):
    """Sends what is new, each thing once.

    Args:
        context: of the pages.
        channels: where it is sent.
        every_s: how often it looks.
    """

    def __init__(
        self, context: WebContext, channels: list[Channel], *, every_s: float = EVERY_S
    ) -> None:
        super().__init__("notifier", every_s=every_s, at_once=False)
        self._context, self._channels = context, channels
        self._notices = Notices(context.reader.engine)

    def look(self) -> None:
        """Sends what is new to each channel; what one does not take is sent again later.

        Raises:
            SQLAlchemyError: the database does not answer.
        """
        notify, page = self._context.settings.notify, page_without_reader(self._context)
        for channel in self._channels:
            if notify.attention:
                self._tell_of_cameras(channel, page)
            if notify.weekly_report:
                self._send_report(channel, page)

    def _tell_of_cameras(self, channel: Channel, page: Page) -> None:
        news = find_news(
            find_health(self._context.reader, periods=page.periods),
            self._notices.known(channel.name),
            now=page.periods.now,
            after_minutes=self._context.settings.notify.after_minutes,
        )
        over = [one.unit.name for one in news.well] + [ALL] * news.all_well
        claimed = [subject for subject in news.subjects if self._claim(channel, subject)]
        released = bool(over) and self._notices.release(channel.name, over)
        news = News(
            [one for one in news.ill if one.unit.name in claimed],
            news.well if released else [],
            ALL in claimed,
            news.all_well and released,
        )
        if news and not self._send(channel, letter_on(news, page)):
            self._notices.release(channel.name, claimed)

    def _send_report(self, channel: Channel, page: Page) -> None:
        local = page.periods.calendar.local(page.periods.now)
        if local.weekday() > 1 or (local.weekday() == 0 and local.hour < REPORT_HOUR):
            return
        monday = last_monday(page.periods.today)
        subject = f"report {week_name(monday)}"
        if self._claim(channel, subject):
            letter = weekly_letter(page, with_pdf=channel.name == "mail")
            if letter is not None and not self._send(channel, letter):
                self._notices.release(channel.name, [subject])

    def _claim(self, channel: Channel, subject: str) -> bool:
        return self._notices.claim(channel.name, subject, now_s=int(datetime.now(UTC).timestamp()))

    @staticmethod
    def _send(channel: Channel, letter: Letter) -> bool:
        try:
            channel.send(letter)
        except MaskcamError as error:
            _log.warning("notice not sent, tried again later: %s", error)
            return False
        return True


def page_without_reader(context: WebContext) -> Page:
    """Returns a page that nobody asked for, in the language of `[notify]`."""
    language = context.settings.notify.language
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    return Page(context, Request(scope | {"query_string": f"lang={language}".encode()}))


def letter_on(news: News, page: Page) -> Letter:
    """Returns the letter on cameras that need attention, or observe again."""
    t, called = page.words, page.context.settings.site_name
    city = page.context.settings.city.name
    lines = [t("silent")] * news.all_silent + [t("notice_all_well")] * news.all_well
    for one in news.ill:
        since = t("since", time=t.moment(60 * one.since)) if one.since else t("never_counted")
        lines.append(
            t(
                "notice_line",
                unit=one.unit.name,
                site=called(one.unit.site),
                state=t(f"state_{one.state}"),
                since=since,
                advice=t(f"do_{one.state}"),
            )
        )
    lines += [t("notice_well", unit=one.unit.name, site=called(one.unit.site)) for one in news.well]
    if news.all_silent:
        subject = t("notice_subject_silent", city=city)
    elif news.ill:
        subject = t.count("notice_subject", len(news.ill), city=city)
    else:
        subject = t("notice_subject_well", city=city)
    cameras = [
        {"unit": one.unit.name, "site": one.unit.site, "state": one.state.value}
        for one in [*news.ill, *news.well]
    ]
    facts = {"event": "attention", "cameras": cameras, "all_silent": news.all_silent}
    return Letter(subject=subject, text="\n".join([*lines, *_see(page)]), facts=facts)


def weekly_letter(page: Page, *, with_pdf: bool) -> Letter | None:
    """Returns the report of the last week, None if nothing was observed in it."""
    context, monday = page.context, last_monday(page.periods.today)
    found = find_week(context.reader, monday=monday, now=page.now)
    if not found.total.observed_s:
        return None
    name, pdf = week_name(monday), None
    if with_pdf:
        try:
            pdf = f"maskcam-{name}.pdf", pdf_of(page, name)
        except PdfError as error:
            _log.warning("report: sent without its PDF (%s)", error)
    number = (monday + timedelta(days=3)).isocalendar().week
    return Letter(
        subject=page.words("notice_week", city=context.settings.city.name, week=number),
        text="\n\n".join([*read_aloud(page, found, monday=monday), *_see(page, f"report/{name}")]),
        facts={"event": "report", "week": name},
        pdf=pdf,
    )


def _see(page: Page, path: str = "") -> list[str]:
    address = page.context.settings.notify.address
    return [page.words("notice_see", address=address.rstrip("/") + "/" + path)] if address else []
