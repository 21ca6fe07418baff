"""The text of the configuration files that `init` and `add-unit` write."""

from __future__ import annotations

import json
from collections.abc import Mapping

from maskcam.cityhall.new_units import NewUnit

_NOTIFY = """\
# [notify]                       # off unless email_to or webhook is set
# email_to = ["mairie@example.org"]
# email_from = "masks@example.org"
# smtp_host = "localhost"        # smtp_port = 587, smtp_security = "starttls", "tls" or "none"
# smtp_user = ""                 # smtp_password_file = "smtp-password"
# webhook = "https://…"          # gets the same as JSON
# attention = true               # cameras that need attention for after_minutes = 30
# weekly_report = false          # true: each Monday at 7, the report's sentences and its PDF
# language = "en"                # or "fr"
# address = "https://masques.example.org/"
"""


def cityhall_toml(city: str, zone: str, port: int, *, database: str) -> str:
    """Returns the configuration of ``maskcam cityhall serve``."""
    return f"""# Configuration of city hall. A line that begins with "#" shows the default.

[city]
name = {_quoted(city)}
zone = {_quoted(zone)}            # days and hours are cut by these clocks; never change it later
# outline = "city.geojson"       # the map is drawn over it; units get places: place-unit

[city.site_names]                # what people call the sites
# forville = "Marché Forville"

[database]
url = {_quoted(database)}
# or "postgresql://user:password@host/maskcam"; write : / @ % # ? in the password as
# %3A %2F %40 %25 %23 %3F
# keep_windows_days = 400        # 0: for ever. Daily sums are always kept
# keep_hours_days = 0

[broker]
host = "localhost"
port = {port}
ca = "collector/ca.crt"
certificate = "collector/collector.crt"
key = "collector/collector.key"
# shared_group = ""              # a name: several collectors share the work, each with a
#                                # certificate of its own: maskcam cityhall add-collector
# home_assistant = false         # true: the units are announced to Home Assistant

[web]
# listen = "127.0.0.1"           # another address needs accounts and certificate and key
# port = 8080
accounts = true                  # add yourself: maskcam cityhall add-user NAME
# behind_proxy = false           # true: a proxy on this machine does HTTPS
# host_names = ["masques.example.org"]
# public_page = false            # true: everybody may see /public, the days that are over
# public_contact = "dpo@example.org"

{_NOTIFY}
# [recognition]
# right_at_least = 0.962         # of the faces; from the model card. Intervals allow for the rest
"""


def unit_toml(unit: NewUnit, facts: Mapping[str, str]) -> str:
    """Returns the configuration that goes on a unit's card."""
    controller = unit.controller or facts["city"]
    who = f"controller = {_quoted(controller)}" if controller else '# controller = "…"'
    preset = "" if unit.preset == "standard" else f"preset = {_quoted(unit.preset)}\n"
    noise = "exact = true\n" if unit.exact else ""
    for key in ("epsilon_minute", "epsilon_hour"):
        if not unit.exact and (epsilon := getattr(unit, key)) != 1:
            noise += f"{key} = {float(epsilon)}\n"
    return f"""# A maskcam unit; see `maskcam config example` for all keys.

[unit]
id = "{unit.name}"
site = "{unit.site}"

[counting]
{preset}{noise}timezone = {_quoted(facts["zone"])}

[broker]
host = "{facts["host"]}"
port = {facts["port"]}
ca = "ca.crt"
certificate = "client.crt"
key = "client.key"

[notice]                      # what the sign on the pole says; without it the unit does not count
{who}
contact = {_quoted(unit.contact)}
# sign_date = 2026-05-01      # the day on which the sign was put up

[technician]
language = "{unit.language}"
"""


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
