"""The program, and what all of its commands have in common."""

from __future__ import annotations

import traceback

import typer

from headrace import faults
from headrace.errors import UNEXPECTED, HeadraceError


class Commands(typer.core.TyperGroup):
    """Ends a failed command with its reason in the last line, and with the error's exit code."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        try:
            with faults.translated():
                return super().invoke(ctx)
        except HeadraceError as error:
            typer.secho(f"{type(error).__name__}: {error}", fg="red", err=True)
            raise typer.Exit(error.exit_code) from None
        except Exception as fault:
            if type(fault).__module__.startswith(("typer", "click")):  # an exit, or a usage error that they show
                raise
            traceback.print_exc()
            typer.secho(faults.summary(fault), fg="red", err=True)
            raise typer.Exit(UNEXPECTED) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="From raw files to a Delta lake, trained models and scored tables.",
)
