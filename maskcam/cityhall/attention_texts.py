"""What the page "Needs a look" says, in English and French. Reasons stand by their short names."""

from __future__ import annotations

ATTENTION_TEXTS: dict[str, tuple[str, str]] = {
    "nav_attention": ("Needs a look", "Messages à examiner"),
    "attention_lead": (
        "Messages that cannot be right are kept here and are in no figure.",
        "Les messages qui ne peuvent pas être justes sont gardés ici et ne sont dans aucun "
        "chiffre.",
    ),
    "attention_none": ("Nothing needs a look.", "Rien à examiner."),
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
        "The collector {name} is not connected to the message server.",
        "Le collecteur {name} n'est pas connecté au serveur de messages.",
    ),
    "reason_topic": ("sent to an unknown topic", "envoyé sous un sujet inconnu"),
    "reason_payload": ("cannot be read", "illisible"),
    "reason_foreign": (
        "sent in the name of another camera",
        "envoyé au nom d'une autre caméra",
    ),
    "reason_future": (
        "from the future: the camera's clock is wrong",
        "venu du futur : l'horloge de la caméra est fausse",
    ),
    "reason_crowd": (
        "more people than a street holds",
        "plus de personnes qu'une rue n'en contient",
    ),
    "reason_unregistered": ("the camera is not registered", "la caméra n'est pas enregistrée"),
    "reason_site": (
        "the camera is registered at another site",
        "la caméra est enregistrée sur un autre site",
    ),
    "reason_minutes": (
        "another length than registered",
        "une autre durée que celle enregistrée",
    ),
    "reason_noise": (
        "another noise than registered",
        "un autre bruit que celui enregistré",
    ),
    "reason_before": (
        "from before the camera was added",
        "d'avant l'ajout de la caméra",
    ),
    "reason_contradicting": (
        "differs from what is stored of the same time; two cameras with one name?",
        "diffère de ce qui est enregistré pour la même heure ; deux caméras du même nom ?",
    ),
    "reason_overlapping": (
        "overlaps what is stored; two cameras with one name?",
        "recouvre ce qui est enregistré ; deux caméras du même nom ?",
    ),
    "reason_interleaved": (
        "comes after counts of a later start; two cameras with one name?",
        "arrive après les comptages d'un démarrage plus récent ; deux caméras du même nom ?",
    ),
    "reason_unstorable": (
        "the database refused it",
        "refusé par la base de données",
    ),
    "reason_unforeseen": (
        "an unforeseen fault; see the log",
        "une erreur imprévue ; consultez le journal",
    ),
}
