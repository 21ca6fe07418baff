"""Every sentence of the dashboard, in English and French.

Placeholders are those of `str.format`; the values are text that is escaped where
it is shown.
"""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "language": ("English", "Français"),
    "dashboard": ("Passers-by and masks", "Passants et masques"),
    "skip": ("Skip to content", "Aller au contenu"),
    "nav": ("Pages", "Pages"),
    "nav_today": ("Today", "Aujourd'hui"),
    "nav_compare": ("Compare sites", "Comparer les sites"),
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
    "busy": (
        "The server is busy. Try again in half a minute.",
        "Le serveur est occupé. Réessayez dans une demi-minute.",
    ),
    "not_allowed": (
        "Only an administrator may do this.",
        "Seul un administrateur peut faire cela.",
    ),
    "nav_attention": ("Needs a look", "À vérifier"),
    "attention_lead": (
        "Messages that cannot be right are kept here and are in no figure.",
        "Les messages qui ne peuvent pas être justes sont gardés ici et ne sont dans aucun "
        "chiffre.",
    ),
    "attention_none": ("Nothing needs a look.", "Rien à vérifier."),
    "attention_reason": ("Reason", "Raison"),
    "attention_number": ("Messages", "Messages"),
    "attention_last": ("Last one", "Dernier"),
    "attention_take": ("Count them", "Les compter"),
    "attention_delete": ("Delete", "Supprimer"),
    "attention_collector": (
        "The collector {name} was last seen {time}.",
        "Le collecteur {name} a été vu pour la dernière fois {time}.",
    ),
    "attention_apart": (
        "The collector {name} is not connected to the broker.",
        "Le collecteur {name} n'est pas connecté au courtier.",
    ),
    "nav_audit": ("Audit log", "Journal d'audit"),
    "audit_lead": (
        "Who did what at this server. Lines can be added, not changed or removed.",
        "Qui a fait quoi sur ce serveur. Des lignes s'ajoutent, aucune n'est modifiée ni retirée.",
    ),
    "audit_who": ("Who", "Qui"),
    "audit_what": ("What", "Quoi"),
    "audit_detail": ("Detail", "Détail"),
    "audit_older": ("Older lines", "Lignes plus anciennes"),
    "live": ("Live", "En direct"),
    "live_lost": ("Connection lost, trying again", "Connexion perdue, nouvel essai"),
    "as_of": ("as of {time}", "à {time}"),
    "footer": (
        "Only numbers of people leave a camera: no pictures, no identities. Who shook their head "
        "in front of a camera is in no figure.",
        "Seuls des nombres de personnes sortent d'une caméra : ni image, ni identité. Qui a secoué "
        "la tête devant une caméra n'est dans aucun chiffre.",
    ),
    "summary": (
        "{people} passages so far today at {sites} sites. {online} of {units} cameras are online.",
        "{people} passages jusqu'ici aujourd'hui sur {sites} sites. {online} caméras sur {units} "
        "sont en ligne.",
    ),
    "no_sites": (
        "No camera has sent anything yet. Figures appear here by themselves.",
        "Aucune caméra n'a encore rien envoyé. Les chiffres apparaîtront ici d'eux-mêmes.",
    ),
    "not_yet": ("not observed yet today", "pas encore observé aujourd'hui"),
    "sentence": (
        "{people} passages. Mask worn properly: {share}.",
        "{people} passages. Masque bien porté : {share}.",
    ),
    "sentence_nothing": (
        "Nothing was observed, so nothing is known. That is not zero.",
        "Rien n'a été observé : on ne sait rien. Ce n'est pas zéro.",
    ),
    "passages_today": ("passages today", "passages aujourd'hui"),
    "passages": ("Passages", "Passages"),
    "mask_share": ("Mask worn properly", "Masque bien porté"),
    "share_today": ("Today", "Aujourd'hui"),
    "share_week": ("Last 7 days", "7 derniers jours"),
    "share_value": ("{value}", "{value}"),
    "share_rough": ("roughly {value}", "environ {value}"),
    "share_range": (
        "between {low} and {high} (95 % confidence)",
        "entre {low} et {high} (confiance à 95 %)",
    ),
    "share_few": ("too few to tell", "trop peu pour le dire"),
    "share_few_long": (
        "only {count} judged",
        "{count} jugés seulement",
    ),
    "change_passages": ("Passages against last week", "Passages par rapport à la semaine dernière"),
    "change_more": ("{percent} more than on {day}", "{percent} de plus que {day}"),
    "change_less": ("{percent} fewer than on {day}", "{percent} de moins que {day}"),
    "change_same": ("as many as on {day}", "autant que {day}"),
    "change_hours": (
        "in {hours} of camera time observed on both days, until {time}",
        "sur {hours} de caméra observées les deux jours, jusqu'à {time}",
    ),
    "change_not": (
        "not comparable: no camera saw the same hour on both days",
        "non comparable : aucune caméra n'a vu la même heure les deux jours",
    ),
    "change_week_note": (
        "in the same {hours} of camera time",
        "sur les mêmes {hours} de caméra",
    ),
    "change_week_not": ("not comparable", "non comparable"),
    "silent": (
        "No count has arrived since {time}. When the cameras are off that is right; otherwise "
        "ask the administrator to check the collector and the broker. What was counted waits "
        "there.",
        "Aucun compte n'est arrivé depuis {time}. Si les caméras sont éteintes, c'est normal ; "
        "sinon, demandez à l'administrateur de vérifier le collecteur et le broker. Ce qui a été "
        "compté y attend.",
    ),
    "change_share": (
        "Mask share against the week before",
        "Part masquée face à la semaine d'avant",
    ),
    "points_up": ("up by {low} to {high} points", "en hausse de {low} à {high} points"),
    "points_down": ("down by {low} to {high} points", "en baisse de {low} à {high} points"),
    "points_same": ("no clear change", "pas de changement net"),
    "points_unknown": ("too few to compare", "trop peu pour comparer"),
    "units_online": ("Cameras online", "Caméras en ligne"),
    "of": ("{a} of {b}", "{a} sur {b}"),
    "fortnight": ("Passages of the last 14 days", "Passages des 14 derniers jours"),
    "open_site": ("Day and weeks of {site}", "Jour et semaines de {site}"),
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
    "weeks": ("Weeks", "Semaines"),
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
        "Line: share; band: 95 % interval. It breaks where too few people were judged.",
        "Ligne : part ; bande : intervalle à 95 %. Elle s'interrompt quand trop peu de personnes "
        "ont été jugées.",
    ),
    "numbers": ("The numbers as a table", "Les chiffres en tableau"),
    "time": ("Time", "Heure"),
    "day": ("Day", "Jour"),
    "known": ("Known", "Connu"),
    "fully": ("observed", "observé"),
    "partly_value": ("partly observed ({percent})", "partiellement observé ({percent})"),
    "blind": ("blind: the camera could not see", "aveugle : la caméra ne voyait pas"),
    "offline": ("no data: off or offline", "aucune donnée : éteinte ou hors ligne"),
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
    "online": ("online", "en ligne"),
    "offline_unit": ("offline", "hors ligne"),
    "never": ("never heard", "jamais entendue"),
    "observed_today": ("Observed that day", "Observé ce jour"),
    "heard": ("Last state message", "Dernier message d'état"),
    "version": ("Version", "Version"),
    "compare_title": ("Comparison of sites", "Comparaison des sites"),
    "from": ("From", "Du"),
    "to": ("To", "Au"),
    "site": ("Site", "Site"),
    "per_observed_hour": ("Per camera and observed hour", "Par caméra et heure observée"),
    "observed": ("Observed", "Observé"),
    "compare_note": (
        "Sites with overlapping intervals may well be equal. Compare passages per camera and "
        "observed hour, not totals: cameras run for different times.",
        "Des sites aux intervalles qui se chevauchent peuvent être égaux. Comparez les passages "
        "par caméra et heure observée, non les totaux : les caméras ne tournent pas aussi "
        "longtemps.",
    ),
    "where_title": (
        "Where and when are most people without a mask?",
        "Où et quand passent le plus de personnes sans masque ?",
    ),
    "where_lead": (
        "Most: {site}, {hours}, about {number} people without a mask per hour.",
        "Le plus : {site}, {hours}, environ {number} personnes sans masque par heure.",
    ),
    "where_heat": (
        "People without a mask per hour, by site and hour of the day",
        "Personnes sans masque par heure, par site et heure du jour",
    ),
    "where_top": ("The ten busiest hours", "Les dix heures les plus chargées"),
    "where_none": (
        "Nothing was observed in these days.",
        "Rien n'a été observé pendant ces jours.",
    ),
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
    "before": ("Week before", "Semaine d'avant"),
    "downloads": ("Download", "Télécharger"),
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
    "about_h1": ("How to read these figures", "Comment lire ces chiffres"),
    "about_passage": (
        "A passage is one person who passed one camera once. Who passes twice, or passes two "
        "cameras, is two passages: nobody is recognised again, by design.",
        "Un passage est une personne passée une fois devant une caméra. Qui passe deux fois, ou "
        "devant deux caméras, compte deux passages : personne n'est reconnu, par principe.",
    ),
    "about_share": (
        "The mask share is the number of people who wear a mask properly, divided by all whose "
        "mask could be judged. Its 95 % interval holds both chance and noise; below {few} judged "
        "people no share is given. It takes people as independent, so with families and groups "
        "the truth is a little less sure than shown.",
        "La part masquée est le nombre de personnes au masque bien porté, divisé par toutes "
        "celles dont le masque a pu être jugé. Son intervalle à 95 % tient compte du hasard et du "
        "bruit ; en dessous de {few} personnes jugées, aucune part n'est donnée. Il suppose les "
        "personnes indépendantes : avec des familles et groupes, la vérité est moins sûre.",
    ),
    "about_gap": (
        "A gap is not zero. Hatched hours were not observed: camera off, offline or blind.",
        "Un trou n'est pas un zéro. Les heures hachurées n'ont pas été observées : caméra éteinte, "
        "hors ligne ou aveugle.",
    ),
    "about_noise": (
        "To protect each single person, every camera adds a little random noise to every number "
        "before it is sent, as a rule 1 or 2 people up or down. Over many hours it evens out. A "
        "small number may come out below zero; it is then shown as \u201cabout 0\u201d.",
        "Pour protéger chaque personne, chaque caméra ajoute à chaque nombre, avant l'envoi, un "
        "petit bruit aléatoire : d'ordinaire 1 ou 2 personnes en plus ou en moins. Sur de "
        "nombreuses heures, il s'annule. Un petit nombre peut devenir négatif ; il s'affiche "
        "alors « environ 0 ».",
    ),
    "about_zero": ("about 0", "environ 0"),
    "about_objection": (
        "People who shook their head in front of a camera are in no figure. How many they are is "
        "not known to anyone.",
        "Les personnes qui ont secoué la tête devant une caméra ne figurent dans aucun chiffre. "
        "Leur nombre n'est connu de personne.",
    ),
    "about_api": ("Other ways to these figures", "Autres accès à ces chiffres"),
    "about_api_text": (
        "Programs read the same figures by HTTP. All addresses, with their parameters:",
        "Les programmes lisent les mêmes chiffres par HTTP. Toutes les adresses, avec leurs "
        "paramètres :",
    ),
}
LANGUAGES = ("en", "fr")
