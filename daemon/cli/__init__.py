"""The command line. Each command imports what it needs only when it runs."""

from __future__ import annotations

import typer

from daemon.cli import configure, database, learn, operate, runs, shadows, study, tapes

app = typer.Typer(
    name="gnomon",
    help="A trading daemon for Hyperliquid perpetuals that learns what its limits are worth "
    "from the trades it did not take.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

runs.register(app)
operate.register(app)
learn.register(app)
app.add_typer(shadows.app, name="shadow")
shadows.register(app)
app.add_typer(tapes.app, name="tape")
app.add_typer(configure.app, name="config")
app.add_typer(database.app, name="db")
app.add_typer(study.app, name="research")
