"""What e-mails and webhooks say, in English and French."""

from __future__ import annotations

NOTICE_TEXTS: dict[str, tuple[str, str]] = {
    "notice_subject_one": (
        "{city}: {number} camera needs attention",
        "{city} : {number} caméra à vérifier",
    ),
    "notice_subject_many": (
        "{city}: {number} cameras need attention",
        "{city} : {number} caméras à vérifier",
    ),
    "notice_subject_well": (
        "{city}: cameras observe again",
        "{city} : des caméras observent de nouveau",
    ),
    "notice_subject_silent": (
        "{city}: no counts arrive from any camera",
        "{city} : aucun comptage n'arrive",
    ),
    "need_attention_one": ("{number} needs attention", "{number} à vérifier"),
    "need_attention_many": ("{number} need attention", "{number} à vérifier"),
    "notice_line": (
        "{unit} ({site}): {state}, {since}. {advice}",
        "{unit} ({site}) : {state}, {since}. {advice}",
    ),
    "notice_well": ("{unit} ({site}) observes again.", "{unit} ({site}) observe de nouveau."),
    "notice_all_well": ("Counts arrive again.", "Les comptages arrivent de nouveau."),
    "notice_test": (
        "This is a test message of city hall.",
        "Ceci est un message d'essai de l'hôtel de ville.",
    ),
    "notice_week": (
        "{city}: passers-by and masks, week {week}",
        "{city} : passants et masques, semaine {week}",
    ),
    "notice_see": ("See {address}", "Voir {address}"),
}
