"""The stages of the platform: their arguments, and the function that runs each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from headrace.commands.base import Command
from headrace.commands.markers import (
    Argument,
    Day,
    Days,
    Declared,
    ModelName,
    Option,
    OptionalDays,
    TableName,
    VersionNumber,
)

if TYPE_CHECKING:
    from headrace.declare import UseCase

STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=STRICT)
class Land(Command):
    """Land the files that feeds delivered for some days.

    Other files of a day that has landed are a correction: it counts from its landing. With `--restate` they take the
    place of all deliveries before, as if these had never been.

    Example: `headrace land --days 2026-01-01..2026-01-07 --feed orders`
    """

    function: ClassVar[str] = "headrace.stages.land:land_feeds"

    days: Days = ""
    feeds: Annotated[tuple[str, ...], Option("Only this feed; may be repeated", "--feed"), Declared("feed")] = ()
    again: Annotated[bool, Option("Also land files that were withdrawn before")] = False
    restate: Annotated[bool, Option("The deliveries before were wrong: these files take their place")] = False
    reason: Annotated[str, Option("Why they were wrong; kept in the landing log")] = ""


@dataclass(frozen=True, config=STRICT)
class Withdraw(Command):
    """Withdraw the newest landing of a feed's days; the landing before it stands again.

    Days of tables that read them are then stale. The same files land again only with `headrace land --again`.

    Example: `headrace withdraw orders --days 2026-01-31 --reason "amounts in cents"`
    """

    function: ClassVar[str] = "headrace.stages.land:withdraw_landings"
    submitted: ClassVar[bool] = False

    feed: Annotated[str, Argument("The feed"), Declared("feed")]
    days: OptionalDays = ""
    reason: Annotated[str, Option("Why; kept in the landing log")] = "withdrawn by hand"

    @property
    def of_days(self) -> str:
        return self.days


@dataclass(frozen=True, config=STRICT)
class Build(Command):
    """Build days of a table, and of the tables that it is made from.

    Example: `headrace build sales.features --days 2026-01-01..2026-01-07`
    """

    function: ClassVar[str] = "headrace.stages.build:build_tables"

    table: TableName
    days: Days = ""
    catch_up: Annotated[bool, Option("Also build other published days that are stale")] = False

    def publishes(self, use_case: UseCase) -> list[str]:
        return [table.name for table in use_case.in_order(self.table)]


@dataclass(frozen=True, config=STRICT)
class Train(Command):
    """Train a challenger, judge it at the gate, and promote it if it passes.

    Example: `headrace train sales.late --on 2026-01-31`
    """

    function: ClassVar[str] = "headrace.stages.train:train_model"

    model: ModelName
    on: Annotated[Day, Option("The day of the training; the test window ends the day before")] = ""
    promote: Annotated[bool, Option("Make it champion if it passes the gate")] = True


@dataclass(frozen=True, config=STRICT)
class Promote(Command):
    """Make a version champion.

    Example: `headrace promote sales.late 2 --reason "version 1 is wrong on Sundays"`
    """

    function: ClassVar[str] = "headrace.stages.promote:promote_version"
    submitted: ClassVar[bool] = False

    model: ModelName
    version: Annotated[VersionNumber, Argument("The number of a version that passed the gate")]
    reason: Annotated[str, Option("Why; kept with the promotion")] = "promoted by hand"
    restore: Annotated[bool, Option("Promote it even if it was rolled back before")] = False

    def publishes(self, use_case: UseCase) -> list[str]:
        return [use_case.model(self.model).name]


@dataclass(frozen=True, config=STRICT)
class Rollback(Command):
    """Make the previous champion the champion again.

    Example: `headrace rollback sales.late --reason "calibration drifted"`
    """

    function: ClassVar[str] = "headrace.stages.promote:roll_back"
    submitted: ClassVar[bool] = False

    model: ModelName
    reason: Annotated[str, Option("Why; kept with the promotion")] = "rolled back by hand"

    def publishes(self, use_case: UseCase) -> list[str]:
        return [use_case.model(self.model).name]


@dataclass(frozen=True, config=STRICT)
class Score(Command):
    """Score days with a model's champion.

    Example: `headrace score sales.late --days 2026-01-01..2026-01-07`
    """

    function: ClassVar[str] = "headrace.stages.score:score_days"

    model: ModelName
    days: Days = ""
    version: Annotated[str, Option("The number of a version, or champion")] = "champion"
    catch_up: Annotated[bool, Option("Also score other days whose features have changed")] = False

    def publishes(self, use_case: UseCase) -> list[str]:
        return [use_case.model(self.model).scores]


@dataclass(frozen=True, config=STRICT)
class Maintain(Command):
    """Compact and clean tables, and remove what is older than `retention` in conf/ says.

    Example: `headrace maintain sales.orders`
    """

    function: ClassVar[str] = "headrace.stages.maintain:maintain_tables"

    tables: Annotated[tuple[str, ...], Argument("schema.table; without any, all tables"), Declared("table")] = ()


@dataclass(frozen=True, config=STRICT)
class Freshness(Command):
    """Check that a stage completed recently; exit with 65 otherwise.

    Run it from cron, because a dead scheduler notifies nobody.

    Example: `headrace freshness score --within-hours 26`
    """

    function: ClassVar[str] = "headrace.stages.freshness:check_freshness"
    submitted: ClassVar[bool] = False
    recorded: ClassVar[bool] = False

    checked: Annotated[str, Argument("The stage: land, build, train, score or maintain")] = "score"
    within_hours: Annotated[float, Option("It must have completed within so many hours")] = 26

    @property
    def of(self) -> str:
        return self.checked
