"""The sentences of "Where and when", in English and French."""

from __future__ import annotations

WHERE_TEXTS: dict[str, tuple[str, str]] = {
    "where_title": (
        "Where and when are most passages without a mask?",
        "Où et quand y a-t-il le plus de passages sans masque ?",
    ),
    "where_lead": (
        "{site}, {weekday}, {hours}: no other place and hour has as many passages without a mask, "
        "about {number} per hour. So many masks would be needed.",
        "{site}, {weekday}, {hours} : c'est là qu'il y a le plus de passages sans masque, "
        "environ {number} par heure. Il faudrait y prévoir autant de masques.",
    ),
    "where_heat": (
        "The best time is of one day of the week. By hour of the day: passages without a mask per "
        "hour, on average over the chosen days, without masks worn incorrectly. Each row has its "
        "own scale. Hatched: not observed.",
        "Le meilleur créneau est celui d'un jour de la semaine. Par heure du jour : passages sans "
        "masque par heure, en moyenne sur les jours choisis, hors masques mal portés. Chaque ligne "
        "a sa propre échelle. Hachuré : non observé.",
    ),
    "where_best": ("Best time to hand out masks", "Meilleur créneau de distribution"),
    "where_nobody": (
        "Nobody was seen without a mask in these hours.",
        "Personne n'a été vu sans masque à ces heures.",
    ),
    "where_top": (
        "The hours with most passages without a mask, on average over the chosen days",
        "Les heures aux passages sans masque les plus nombreux, en moyenne sur les jours choisis",
    ),
    "where_none": ("Nothing was observed in these days.", "Rien n'a été observé ces jours-là."),
    "where_little": (
        "Too little was observed in these days: less than half an hour at any hour of the day.",
        "Trop peu a été observé pendant ces jours : moins d'une demi-heure à toute heure du jour.",
    ),
    "masks_needed": ("Masks needed per hour", "Masques nécessaires par heure"),
}
