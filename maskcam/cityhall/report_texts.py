"""The sentences of the weekly report, made to be read aloud, in English and French."""

from __future__ import annotations

REPORT_TEXTS: dict[str, tuple[str, str]] = {
    "where_card": ("Most passages without a mask", "Le plus de passages sans masque"),
    "where_card_rate": (
        "About {number} masks per hour would be needed (last 4 weeks)",
        "Il faudrait y prévoir environ {number} masques par heure (4 dernières semaines)",
    ),
    "read_passages": (
        "From {first} to {last}, the cameras counted {people} at {sites}.",
        "Du {first} au {last}, les caméras ont compté {people} sur {sites}.",
    ),
    "read_more": (
        "In the hours observed in both weeks, there were {percent} more passages than the week "
        "before.",
        "Aux heures observées les deux semaines, {percent} de passages de plus que la semaine "
        "précédente.",
    ),
    "read_fewer": (
        "In the hours observed in both weeks, there were {percent} fewer passages than the week "
        "before.",
        "Aux heures observées les deux semaines, {percent} de passages de moins que la semaine "
        "précédente.",
    ),
    "read_same": (
        "In the hours observed in both weeks, there were as many passages as the week before.",
        "Aux heures observées les deux semaines, autant de passages que la semaine précédente.",
    ),
    "read_change_not": (
        "The week before cannot be compared: no camera observed the same hours.",
        "La semaine précédente n'est pas comparable : aucune caméra n'a observé les mêmes heures.",
    ),
    "read_share": (
        "In {share} of the passages that could be judged, the mask was worn properly: {range}.",
        "Dans {share} des passages qui ont pu être jugés, le masque était bien porté : {range}.",
    ),
    "read_share_few": (
        "Too few passages were judged to give a share of masks.",
        "Trop peu de passages ont été jugés pour donner une part de masques.",
    ),
    "read_points": (
        "Compared with the week before, camera by camera and hour by hour: {points}.",
        "Par rapport à la semaine précédente, caméra par caméra et heure par heure : {points}.",
    ),
    "read_points_not": (
        "Too few passages were judged to compare with the week before.",
        "Trop peu de passages ont été jugés pour comparer avec la semaine précédente.",
    ),
    "read_rising": ("Clearly rising: {sites}.", "En nette hausse : {sites}."),
    "read_by": ("{site} by {points}", "{site} de {points}"),
    "read_falling": ("Clearly falling: {sites}.", "En nette baisse : {sites}."),
    "read_best": (
        "The place and hour with most passages without a mask: {site}, {weekday}, {hours}, about "
        "{number} per hour. So many masks would be needed there.",
        "Le plus de passages sans masque : {site}, {weekday}, {hours}, environ {number} par "
        "heure. Il faudrait y prévoir autant de masques.",
    ),
    "read_notes": ("Noted: {notes}.", "À noter : {notes}."),
    "read_note": ("{day}, {site}: {text}", "{day}, {site} : {text}"),
    "read_wholly": (
        "All sites were observed as usual.",
        "Tous les sites ont été observés comme d'habitude.",
    ),
    "read_partly_one": (
        "At one site, {number} day was observed only in part or not at all.",
        "Sur un site, {number} journée n'a été observée qu'en partie ou pas du tout.",
    ),
    "read_partly_many": (
        "All sites taken together, {number} days were observed only in part or not at all.",
        "Tous sites confondus, {number} journées n'ont été observées qu'en partie ou pas du tout.",
    ),
    "report_left_out": (
        "Shown: the {shown} sites with most passages. The other {number} are on the page "
        "\u201cCompare sites\u201d; the sums above hold all of them.",
        "Affichés : les {shown} sites aux passages les plus nombreux. Les {number} autres sont "
        "sur la page « Comparer les sites » ; les sommes ci-dessus les comprennent tous.",
    ),
}
