"""The program, and what all of its commands have in common."""

from __future__ import annotations

import typer

from headrace.errors import HeadraceError


class Commands(typer.core.TyperGroup):
    """Ends a failed command with its reason in one line, and with the error's exit code."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except HeadraceError as error:
            typer.secho(f"{type(error).__name__}: {error}", fg="red", err=True)
            raise typer.Exit(error.exit_code) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="From raw files to a Delta lake, trained models and scored tables.",
)
