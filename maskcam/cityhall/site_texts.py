"""The sentences of a site's page that are on no other, in English and French."""

from __future__ import annotations

SITE_TEXTS: dict[str, tuple[str, str]] = {
    "notes": ("Notes", "Notes"),
    "note_day": ("Day", "Jour"),
    "note_where": ("Where", "Où"),
    "note_all_sites": ("all sites", "tous les sites"),
    "note_text": (
        "Note (market closed, works)",
        "Note (marché fermé, travaux)",
    ),
    "note_add": ("Add the note", "Ajouter la note"),
    "length": ("Period", "Période"),
    "length_day": ("Day", "Jour"),
    "length_week": ("Week", "Semaine"),
    "length_month": ("Month", "Mois"),
    "length_year": ("Year", "Année"),
    "against": ("Compare with", "Comparer à"),
    "against_none": ("nothing", "rien"),
    "against_before": ("the period before", "la période précédente"),
    "against_weekdays": ("the same weekdays before", "les mêmes jours, juste avant"),
    "against_last_year": ("the same period last year", "la même période, un an plus tôt"),
    "against_lead": (
        "Compared with {span}: passages {passages}; mask worn properly: {points} ({basis}).",
        "Par rapport à la période comparée ({span}) : passages {passages} ; masque bien porté : "
        "{points} ({basis}).",
    ),
    "against_none_of": (
        "Not comparable with {span}: {basis}.",
        "Comparaison impossible ({span}) : {basis}.",
    ),
    "against_lines": ("Lines across: {span}", "Traits : {span}"),
    "tip_earlier": ("; earlier: {number}", " ; avant : {number}"),
    "by_month": ("Passages by month", "Passages par mois"),
    "share_by_month": ("Mask worn properly, by month", "Masque bien porté, par mois"),
    "previous_month": ("Month before", "Mois précédent"),
    "next_month": ("Next month", "Mois suivant"),
    "previous_year": ("Year before", "Année précédente"),
    "next_year": ("Next year", "Année suivante"),
}
