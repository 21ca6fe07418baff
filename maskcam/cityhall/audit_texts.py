"""What the audit log says, in English and French; the database keeps the short English names."""

from __future__ import annotations

AUDIT_TEXTS: dict[str, tuple[str, str]] = {
    "nav_audit": ("Audit log", "Journal d'audit"),
    "audit_lead": (
        "Who did what at this server. Lines can be added, not changed or removed.",
        "Qui a fait quoi sur ce serveur. Des lignes s'ajoutent, aucune n'est modifiée ni retirée.",
    ),
    "audit_who": ("Who", "Qui"),
    "audit_what": ("What", "Quoi"),
    "audit_detail": ("Detail", "Détail"),
    "audit_older": ("Older lines", "Lignes plus anciennes"),
    "audit_sign_in": ("signed in", "connexion"),
    "audit_sign_out": ("signed out", "déconnexion"),
    "audit_export": ("export", "export"),
    "audit_note_add": ("note added", "note ajoutée"),
    "audit_note_delete": ("note deleted", "note supprimée"),
    "audit_quarantine_take": ("kept messages counted", "messages retenus comptés"),
    "audit_quarantine_delete": ("kept messages deleted", "messages retenus supprimés"),
    "audit_add_user": ("user added", "utilisateur ajouté"),
    "audit_add_administrator": ("administrator added", "administrateur ajouté"),
    "audit_add_token": ("token added", "jeton ajouté"),
    "audit_remove_account": ("account removed", "compte supprimé"),
    "audit_add_unit": ("unit added", "unité ajoutée"),
    "audit_place_unit": ("unit placed on the map", "unité placée sur la carte"),
    "audit_add_collector": ("collector added", "collecteur ajouté"),
    "audit_add_reader": ("reader added", "lecteur ajouté"),
    "audit_revoke": ("access withdrawn", "accès retiré"),
}
