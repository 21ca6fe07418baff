"""How to read the figures, in English and French."""

from __future__ import annotations

ABOUT_TEXTS: dict[str, tuple[str, str]] = {
    "about_h1": ("How to read these figures", "Comment lire ces chiffres"),
    "about_passage": (
        "A passage is one person who passed one camera once. Who passes twice, or passes two "
        "cameras, is two passages: nobody is recognised again, by design.",
        "Un passage est une personne passée une fois devant une caméra. Qui passe deux fois, ou "
        "devant deux caméras, compte deux passages : personne n'est reconnu, par principe.",
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
    "about_share": (
        "The share of masks worn properly is the number of people who wear one so, divided by all "
        "whose mask could be judged; below {few} judged people no share is given. The "
        "truth lies in the range beside it 19 times out of 20. The range allows for chance, "
        "for the noise that protects people (see below), and for errors of recognition: "
        "at least {right} of the faces are taken to be recognised rightly ({source}). It "
        "takes people as independent, so with families and groups the truth is a little "
        "less sure than shown; on a street that is unlike the tested ones, recognition "
        "may err more.",
        "La part des masques bien portés est le nombre de personnes qui le portent bien, divisé "
        "par toutes celles dont le masque a pu être jugé ; en dessous de {few} personnes "
        "jugées, aucune part n'est donnée. La vérité se trouve dans l'intervalle indiqué "
        "19 fois sur 20. Il tient compte du hasard, du bruit qui protège les personnes "
        "(voir plus bas) et des erreurs de reconnaissance : au moins {right} des visages "
        "sont supposés bien reconnus ({source}). Il suppose les personnes indépendantes :"
        " avec des familles et des groupes, la vérité est un peu moins sûre ; dans une "
        "rue différente de celles des essais, la reconnaissance peut se tromper "
        "davantage.",
    ),
    "about_source": (
        "the model card: with or without mask right for 98.1 % of the faces found in photographs, "
        "95 % confidence: 96.2 to 99.4 %",
        "fiche du modèle : avec ou sans masque, réponse juste pour 98,1 % des visages trouvés "
        "sur des photographies ; confiance à 95 % : 96,2 à 99,4 %",
    ),
    "about_change": (
        "Changes are computed camera by camera, only in the hours that a camera observed "
        "both times; what is left out is stated. Recognition errs alike both times, so "
        "its error is not in the range of a change.",
        "Les évolutions sont calculées caméra par caméra, seulement aux heures qu'une "
        "caméra a observées les deux fois ; ce qui est écarté est indiqué. La "
        "reconnaissance se trompe de la même façon les deux fois : son erreur n'est pas "
        "dans l'intervalle d'une évolution.",
    ),
    "about_gap": (
        "A gap is not zero. Hatched hours and days were not observed: camera off, "
        "disconnected or blind. A triangle marks those of which less than 90 % was "
        "observed of what the site's cameras usually observe. A camera that sends nothing"
        " is expected for 14 days more.",
        "Un trou n'est pas un zéro. Les heures et jours hachurés n'ont pas été observés :"
        " caméra éteinte, déconnectée ou aveugle. Un triangle marque ceux dont moins de "
        "90 % a été observé de ce que les caméras du site observent d'habitude. Une "
        "caméra qui n'envoie plus rien est attendue 14 jours encore.",
    ),
}
