"""Runs the migrations on the connection that `database.upgrade` hands over."""

from alembic import context

import maskcam.cityhall.access_schema  # noqa: F401
from maskcam.cityhall.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
