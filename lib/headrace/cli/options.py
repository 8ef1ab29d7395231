"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Env = Annotated[str, typer.Option("--env", help="The environment: a file in conf/ [default: $HEADRACE_ENV or local]")]
Conf = Annotated[Path | None, typer.Option(help="The folder with the configuration [default: $HEADRACE_CONF or conf]")]
Root = Annotated[str, typer.Option(help="Keep everything here (a folder, or s3://...) instead of where conf/ says")]
Print = Annotated[bool, typer.Option("--print-submit", help="Only print the spark-submit command or the manifest")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before much work")]
ModelName = Annotated[str, typer.Argument(help="schema.model")]
TableName = Annotated[str, typer.Argument(help="schema.table")]
