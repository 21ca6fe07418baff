"""The sentences of a site's page that are on no other, in English and French."""

from __future__ import annotations

SITE_TEXTS: dict[str, tuple[str, str]] = {
    "public_title": ("Passers-by and masks in our city", "Passants et masques dans notre ville"),
    "public_link": ("What the public sees", "Ce que voit le public"),
    "public_week": ("In the last 7 days", "Ces 7 derniers jours"),
    "public_days": ("the last {number} days", "les {number} derniers jours"),
    "public_all": ("All sites", "Tous les sites"),
    "public_passages": ("Passages, last 7 days", "Passages, 7 derniers jours"),
    "public_promise": ("How it is counted", "Comment c'est compté"),
    "public_how": (
        "A camera on the pole counts who passes, with and without a mask. Only numbers leave it: "
        "no pictures, no identities. If you do not want to be counted, shake your head towards "
        "it.",
        "Une caméra sur le poteau compte qui passe, avec et sans masque. Seuls des nombres en "
        "sortent : ni image, ni identité. Si vous ne voulez pas être compté, secouez la tête vers "
        "elle.",
    ),
    "public_contact": (
        "Responsible: {city}. Questions and objections: {contact}",
        "Responsable : {city}. Questions et oppositions : {contact}",
    ),
    "map": ("Map of the sites, last 7 days", "Carte des sites, 7 derniers jours"),
    "map_site": (
        "{site}: {people}, mask worn properly: {share}",
        "{site} : {people}, masque bien porté : {share}",
    ),
    "map_attention": ("; a camera needs attention", " ; une caméra à vérifier"),
    "map_shares": ("{low} to under {high}", "de {low} à moins de {high}"),
    "map_shares_last": ("{low} to {high}", "de {low} à {high}"),
    "map_size": (
        "The larger the circle, the more passages: the empty circles below the map show how many.",
        "Plus le cercle est grand, plus il y a de passages : les cercles vides sous la carte "
        "disent combien.",
    ),
    "map_readout": (
        "Point at a circle, or use the arrow keys on it.",
        "Pointez un cercle, ou utilisez les flèches.",
    ),
    "first_camera": (
        "No camera counted here before {day}.",
        "Aucune caméra n'a compté ici avant le {day}.",
    ),
    "missed": ("Cameras that observed nothing", "Caméras qui n'ont rien observé"),
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
    "against_weekday": ("the same weekday, a week before", "le même jour, la semaine précédente"),
    "so_far": ("So far", "Jusqu'ici"),
    "legend_band": ("Share, with its range (95 %)", "Part, avec son intervalle (95 %)"),
    "against_last_year": ("the same period last year", "la même période, un an plus tôt"),
    "against_lead": (
        "Compared with {span}, only in the hours that a camera observed both times ({hours}"
        "{left_out}): passages {passages}; mask worn properly: {points}.",
        "Par rapport à la période comparée ({span}), seulement aux heures qu'une caméra a "
        "observées les deux fois ({hours}{left_out}) : passages {passages} ; masque bien porté : "
        "{points}.",
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
