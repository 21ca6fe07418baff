"""Every sentence of the dashboard, in English and French.

Placeholders are those of `str.format`; the values are text that is escaped where
it is shown.
"""

from __future__ import annotations

from maskcam.cityhall.about_texts import ABOUT_TEXTS
from maskcam.cityhall.attention_texts import ATTENTION_TEXTS
from maskcam.cityhall.audit_texts import AUDIT_TEXTS
from maskcam.cityhall.notification_texts import NOTICE_TEXTS
from maskcam.cityhall.report_texts import REPORT_TEXTS
from maskcam.cityhall.site_texts import SITE_TEXTS
from maskcam.cityhall.where_texts import WHERE_TEXTS

TEXTS: dict[str, tuple[str, str]] = {
    **REPORT_TEXTS,
    **ABOUT_TEXTS,
    **ATTENTION_TEXTS,
    **AUDIT_TEXTS,
    **NOTICE_TEXTS,
    **SITE_TEXTS,
    **WHERE_TEXTS,
    "language": ("English", "Français"),
    "dashboard": ("Passers-by and masks", "Passants et masques"),
    "skip": ("Skip to content", "Aller au contenu"),
    "nav": ("Pages", "Pages"),
    "menu": ("Menu", "Menu"),
    "nav_today": ("Today", "Aujourd'hui"),
    "nav_where": ("Where and when", "Où et quand"),
    "nav_report": ("Weekly report", "Rapport hebdomadaire"),
    "nav_about": ("About these figures", "À propos des chiffres"),
    "sign_in": ("Sign in", "Se connecter"),
    "sign_out": ("Sign out", "Se déconnecter"),
    "user": ("User name", "Nom d'utilisateur"),
    "password": ("Password", "Mot de passe"),
    "wrong_password": (
        "User name or password is wrong.",
        "Le nom d'utilisateur ou le mot de passe est incorrect.",
    ),
    "too_many_tries": (
        "Too many attempts. Wait a minute, then try again.",
        "Trop de tentatives. Attendez une minute, puis réessayez.",
    ),
    "foreign": (
        "The browser says that this form comes from another site ({what}). Open the sign-in page "
        "again; behind a proxy, check [web] host_names.",
        "Le navigateur indique que ce formulaire vient d'un autre site ({what}). Rouvrez la page "
        "de connexion ; derrière un proxy, vérifiez [web] host_names.",
    ),
    "working": ("One moment", "Un instant"),
    "working_lead": (
        "These figures are added up from very many hours. The page shows them by itself, in some "
        "seconds.",
        "Ces chiffres résultent d'un très grand nombre d'heures. La page les affichera d'elle-même "
        "dans quelques secondes.",
    ),
    "working_again": ("Look again", "Actualiser"),
    "busy": (
        "The server is busy. Try again in half a minute.",
        "Le serveur est occupé. Réessayez dans une demi-minute.",
    ),
    "not_allowed": (
        "Only an administrator may do this.",
        "Seul un administrateur peut faire cela.",
    ),
    "live": ("Live", "En direct"),
    "live_lost": ("Connection lost, trying again", "Connexion perdue, nouvel essai"),
    "as_of": ("as of {time}", "à {time}"),
    "footer": (
        "No picture is kept or sent, nobody is identified: only numbers leave a camera. If you do "
        "not want to be counted, shake your head \u201cno\u201d in front of the camera.",
        "Aucune image n'est gardée ni envoyée, personne n'est identifié : seuls des nombres "
        "sortent d'une caméra. Pour ne pas être compté, faites « non » de la tête devant elle.",
    ),
    "no_sites": (
        "No camera has sent anything yet. Figures appear here by themselves.",
        "Aucune caméra n'a encore rien envoyé. Les chiffres apparaîtront ici d'eux-mêmes.",
    ),
    "not_yet": ("not observed yet today", "pas encore observé aujourd'hui"),
    "no_camera": ("no camera stood here", "aucune caméra sur place"),
    "no_camera_now": ("no camera here now", "plus de caméra sur place"),
    "sentence_nothing": (
        "Nothing was observed, so nothing is known. That is not zero.",
        "Rien n'a été observé : on ne sait rien. Ce n'est pas zéro.",
    ),
    "passages": ("Passages", "Passages"),
    "mask_share": ("Mask worn properly", "Masque bien porté"),
    "share_value": ("{value}", "{value}"),
    "share_rough": ("roughly {value}", "environ {value}"),
    "share_range": (
        "between {low} and {high} (95 % confidence)",
        "entre {low} et {high} (confiance à 95 %)",
    ),
    "share_between": ("{low} to {high}", "de {low} à {high}"),
    "spark_note": (
        "In the small charts a light bar is a day that was observed in part, a grey stub one that "
        "was not observed.",
        "Dans les petits graphiques, une barre claire est une journée observée en partie, un "
        "trait gris une journée non observée.",
    ),
    "spark_today": (
        "The outlined last bar is today, until {time}.",
        "La dernière barre, en contour, est la journée en cours, jusqu'à {time}.",
    ),
    "passage_note": (
        "A passage is one person who passes one camera once.",
        "Un passage est une personne qui passe une fois devant une caméra.",
    ),
    "running": ("Not over: until {time}", "En cours : jusqu'à {time}"),
    "tip_running": (" until {time}", " jusqu'à {time}"),
    "ranges_note": (
        "Below each share stands the range that holds the true one in 95 % of cases",
        "Sous chaque part figure l'intervalle qui contient la vraie valeur dans 95 % des cas",
    ),
    "share_few": ("too few to tell", "trop peu pour le dire"),
    "change_more": ("{percent} more than on {day}", "{percent} de plus que le {day}"),
    "change_less": ("{percent} fewer than on {day}", "{percent} de moins que le {day}"),
    "change_same": ("as many as on {day}", "autant que le {day}"),
    "fortnight": ("Passages of the last 14 days", "Passages des 14 derniers jours"),
    "with_mask": ("With mask", "Avec masque"),
    "without_mask": ("Without mask", "Sans masque"),
    "incorrect": ("Worn incorrectly", "Mal porté"),
    "unclear": ("Unclear", "Indéterminé"),
    "unknown": ("Not observed", "Non observé"),
    "partly": ("Partly observed", "Partiellement observé"),
    "day_of": ("{site}: {day}", "{site} : {day}"),
    "previous_day": ("Day before", "Jour précédent"),
    "next_day": ("Next day", "Jour suivant"),
    "go_day": ("Day", "Jour"),
    "show": ("Show", "Afficher"),
    "by_hour": ("Passages by hour", "Passages par heure"),
    "by_day": ("Passages by day", "Passages par jour"),
    "share_by_hour": ("Mask worn properly, by hour", "Masque bien porté, par heure"),
    "share_by_day": ("Mask worn properly, by day", "Masque bien porté, par jour"),
    "weeks_of": ("{site}: {weeks} weeks", "{site} : {weeks} semaines"),
    "chart_bars": (
        "{total} passages in all, most ({most}) at {when}. Hatched: not observed, "
        "which is not zero.",
        "{total} passages au total, le plus ({most}) à {when}. Hachuré : non observé, ce qui "
        "n'est pas zéro.",
    ),
    "chart_nothing": ("Nothing is known of this time.", "Rien n'est connu de cette période."),
    "chart_shares": (
        "Line: share; band: 95 % interval. It breaks where too few passages were judged.",
        "Ligne : part ; bande : intervalle à 95 %. Elle s'interrompt quand trop peu de passages "
        "ont été jugés.",
    ),
    "numbers": ("The numbers as a table", "Les chiffres en tableau"),
    "time": ("Time", "Heure"),
    "day": ("Day", "Jour"),
    "known": ("Known", "Connu"),
    "fully": ("observed", "observé"),
    "blind": ("blind: the camera could not see", "aveugle : la caméra ne voyait pas"),
    "offline": ("no data: off or offline", "aucune donnée : éteinte ou hors ligne"),
    "closed": ("no camera ever observes on this weekday", "jamais observé ce jour de la semaine"),
    "to_come": ("to come", "à venir"),
    "tip_known": (
        "{when}: {people} passages, {with_mask} with mask, {without_mask} without, "
        "{incorrect} incorrectly, {unclear} unclear",
        "{when} : {people} passages, {with_mask} avec masque, {without_mask} sans, "
        "{incorrect} mal porté, {unclear} indéterminés",
    ),
    "tip_gap": ("{when}: {why}", "{when} : {why}"),
    "tip_share": ("{when}: {share}, {range}", "{when} : {share}, {range}"),
    "readout": (
        "Point at the chart, or use the arrow keys in it.",
        "Pointez le graphique, ou utilisez les flèches.",
    ),
    "units": ("Cameras", "Caméras"),
    "unit": ("Camera", "Caméra"),
    "state": ("State", "État"),
    "version": ("Version", "Version"),
    "from": ("From", "Du"),
    "to": ("To", "Au"),
    "site": ("Site", "Site"),
    "per_observed_hour": ("Per camera and observed hour", "Par caméra et heure observée"),
    "observed": ("Observed", "Observé"),
    "time_observed": ("Time observed", "Durée observée"),
    "hours": ("Hours", "Heures"),
    "hours_range": ("{a} to {b}", "de {a} à {b}"),
    "rate": ("Without mask per hour", "Sans masque par heure"),
    "all_days": ("All days", "Tous les jours"),
    "weekday": ("Day of the week", "Jour de la semaine"),
    "not_observed": ("not observed", "non observé"),
    "report_title": ("Week {week} of {year}", "Semaine {week} de {year}"),
    "report_span": ("{first} to {last}", "du {first} au {last}"),
    "report_pdf": ("Download as PDF", "Télécharger en PDF"),
    "previous_week": ("Week before", "Semaine précédente"),
    "next_week": ("Next week", "Semaine suivante"),
    "downloads": ("Download", "Télécharger"),
    "xlsx": ("Excel workbook", "Classeur Excel"),
    "csv": ("CSV for a spreadsheet", "CSV pour un tableur"),
    "json": ("JSON", "JSON"),
    "not_found": ("There is no such page or site.", "Cette page ou ce site n'existe pas."),
    "wrong_address": (
        "This address has a wrong value: {what}.",
        "Cette adresse contient une valeur incorrecte : {what}.",
    ),
    "error": ("Something went wrong. Please reload.", "Une erreur est survenue. Rechargez."),
    "back": ("Back to the first page", "Retour à la première page"),
    "no_pdf": (
        "This server lacks the library for PDF. Print the page instead.",
        "Ce serveur n'a pas la bibliothèque pour le PDF. Imprimez la page.",
    ),
    "of": ("{a} of {b}", "{a} sur {b}"),
    "nav_compare": ("Compare sites", "Comparer les sites"),
    "compare_title": ("Comparison of sites", "Comparaison des sites"),
    "passages_one": ("{number} passage", "{number} passage"),
    "passages_many": ("{number} passages", "{number} passages"),
    "passages_today": ("Passages so far today", "Passages aujourd'hui, jusqu'ici"),
    "passages_day": ("Passages today", "Passages aujourd'hui"),
    "yesterday_short_one": (
        "(observed in part at {number} site)",
        "(observé en partie sur {number} site)",
    ),
    "yesterday_short_many": (
        "(observed in part at {number} sites)",
        "(observé en partie sur {number} sites)",
    ),
    "yesterday": ("Yesterday: {number}", "Hier : {number}"),
    "sentence": (
        "{people}. Mask worn properly: {share}.",
        "{people}. Masque bien porté : {share}.",
    ),
    "sites_one": ("{number} site", "{number} site"),
    "sites_many": ("{number} sites", "{number} sites"),
    "share_week": ("Mask worn properly, last 7 days", "Masque bien porté, 7 derniers jours"),
    "share_few_long_one": ("only {number} passage judged", "{number} passage jugé seulement"),
    "share_few_long_many": ("only {number} passages judged", "{number} passages jugés seulement"),
    "change_passages": (
        "Passages against {day}, until {time}",
        "Passages par rapport au {day}, jusqu'à {time}",
    ),
    "change_not": ("not comparable with {day}", "non comparable avec le {day}"),
    "change_share": ("Change of the share", "Évolution de la part"),
    "change_share_week": ("against the 7 days before", "par rapport aux 7 jours précédents"),
    "change_share_year": (
        "against the same 7 days a year before",
        "par rapport aux mêmes 7 jours, un an plus tôt",
    ),
    "change_of_passages": ("Change of passages", "Évolution des passages"),
    "not_comparable": ("not comparable", "non comparable"),
    "basis_left_out": ("; {what}", " ; {what}"),
    "left_out": (
        "without {percent} of the time, which was not observed then",
        "sans compter {percent} du temps, non observé la fois d'avant",
    ),
    "basis_none": (
        "no camera observed the same hour both times",
        "aucune caméra n'a observé la même heure les deux fois",
    ),
    "camera_hours_one": ("{number} camera hour", "{number} heure de caméra"),
    "camera_hours_many": ("{number} camera hours", "{number} heures de caméra"),
    "points_up": ("up by {points}", "en hausse de {points}"),
    "points_down": ("down by {points}", "en baisse de {points}"),
    "points_one": ("{value} points ({low} to {high})", "{value} point (de {low} à {high})"),
    "points_many": ("{value} points ({low} to {high})", "{value} points (de {low} à {high})"),
    "points_same": ("no clear change", "pas d'évolution nette"),
    "points_unknown": ("too few to compare", "trop peu pour comparer"),
    "partly_value": ("partly observed ({percent})", "observé en partie ({percent})"),
    "of_cameras": (", {seen} of {all} cameras", ", {seen} des {all} caméras"),
    "cameras_observing": ("Cameras observing now", "Caméras qui observent"),
    "health": ("Cameras that need attention", "Caméras à vérifier"),
    "health_none": (
        "All cameras are as they should be.",
        "Toutes les caméras fonctionnent normalement.",
    ),
    "health_more": ("and {number} more", "et {number} de plus"),
    "state_good": ("observes", "observe"),
    "state_blind": ("sees nothing", "ne voit rien"),
    "state_silent": ("connected, but sends no counts", "connectée, mais n'envoie aucun comptage"),
    "state_offline": ("off or disconnected", "éteinte ou déconnectée"),
    "state_closed": ("outside its usual hours", "hors de ses heures habituelles"),
    "do_blind": (
        "Look whether its view is covered, dirty or dazzled.",
        "Vérifiez si sa vue est masquée, sale ou éblouie.",
    ),
    "do_silent": (
        "Restart it; if that does not help, see its log.",
        "Redémarrez-la ; si cela ne suffit pas, consultez son journal.",
    ),
    "do_offline": (
        "Check its power and its network. What it counted before is kept in it.",
        "Vérifiez son alimentation et son réseau. Ce qu'elle a compté auparavant y est gardé.",
    ),
    "since": ("since {time}", "depuis le {time}"),
    "never_counted": ("has not sent any counts yet", "n'a encore envoyé aucun comptage"),
    "search": ("Search for a site", "Chercher un site"),
    "do_search": ("Search", "Chercher"),
    "search_none": ("No site is called like that.", "Aucun site ne porte ce nom."),
    "sorted_by": ("Sort by {what}", "Trier par {what}"),
    "page_of": ("Page {number} of {last}", "Page {number} sur {last}"),
    "page_before": ("Previous page", "Page précédente"),
    "page_after": ("Next page", "Page suivante"),
    "pages": ("Pages of the list", "Pages de la liste"),
    "last_window": ("Last message", "Dernier message"),
    "before_span": ("{first} to {last}", "du {first} au {last}"),
    "compare_lead_one": (
        "Compared with the same weekdays one week earlier ({span}).",
        "Comparé aux mêmes jours, une semaine plus tôt ({span}).",
    ),
    "compare_lead_many": (
        "Compared with the same weekdays {number} weeks earlier ({span}).",
        "Comparé aux mêmes jours, {number} semaines plus tôt ({span}).",
    ),
    "compare_note": (
        "Changes compare each camera with itself, in the hours that it observed both "
        "times: a camera that was off changes nothing. Sites with overlapping intervals "
        "may well be equal. To compare sites, take the passages per camera and observed "
        "hour: cameras run for different times.",
        "Les évolutions comparent chaque caméra à elle-même, aux heures qu'elle a "
        "observées les deux fois : une caméra éteinte n'y change rien. Des sites aux "
        "intervalles qui se chevauchent peuvent être égaux. Pour comparer des sites, "
        "prenez les passages par caméra et par heure observée : les caméras ne "
        "fonctionnent pas aussi longtemps.",
    ),
    "weekdays": ("{day}s", "le {day}"),
    "before": ("The week before", "La semaine précédente"),
    "silent": (
        "No counts arrive from any camera. Ask the administrator to check the collector and the "
        "message server. What was counted waits there and in the cameras.",
        "Aucun comptage n'arrive, d'aucune caméra. Demandez à l'administrateur de vérifier le "
        "collecteur et le serveur de messages. Ce qui a été compté y attend, ou dans les caméras.",
    ),
}
LANGUAGES = ("en", "fr")
