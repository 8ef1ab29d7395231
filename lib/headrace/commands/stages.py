"""The stages of the platform: their arguments, and the function that runs each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Self

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
from headrace.errors import ArgumentsError

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
    replace: Annotated[bool, Option("Also land fewer files of a day than landed before")] = False
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

    After a release, `--accept-code` builds a sample of the days that only new code makes stale. If it has the published
    rows, these days stand as they are.

    Example: `headrace build sales.features --days 2026-01-01..2026-01-07`
    """

    function: ClassVar[str] = "headrace.stages.build:build_tables"

    table: TableName
    days: Days = ""
    catch_up: Annotated[bool, Option("Also build other published days that are stale")] = False
    accept_code: Annotated[bool, Option("Keep days that only new code makes stale, if it makes the same sample")] = (
        False
    )
    reason: Annotated[str, Option("Why the code is accepted; kept with the acceptance")] = ""

    def complete(self) -> Self:
        if self.accept_code and not self.reason:
            raise ArgumentsError(
                "--accept-code needs a reason", "Add --reason, such as the release and what it changes"
            )
        return super().complete()

    def publishes(self, use_case: UseCase) -> list[str]:
        return [table.name for table in use_case.in_order(self.table)]


@dataclass(frozen=True, config=STRICT)
class Verify(Command):
    """Show that a table's transform repeats itself, builds a day alike in any range, and uses no later facts.

    It publishes nothing. It ends with 65 and an example if rows differ.

    Example: `headrace verify sales.features --days 2026-01-01..2026-01-07`
    """

    function: ClassVar[str] = "headrace.stages.verify:verify_table"

    table: TableName
    days: Days = ""
    alone: Annotated[int, Option("Build so many of the days alone")] = 5
    instants: Annotated[int, Option("Change later facts at so many instants")] = 3


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
    """Score days, each with the version that was champion then.

    It is the newest promoted version that was trained as on that day or before. Days before the first one are
    reported, and not scored.

    Example: `headrace score sales.late --days 2026-01-01..2026-01-07`
    """

    function: ClassVar[str] = "headrace.stages.score:score_days"

    model: ModelName
    days: Days = ""
    version: Annotated[str, Option("The number of a version for all these days, or champion")] = "champion"
    catch_up: Annotated[bool, Option("Also score other days whose features have changed, by their champions")] = False

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
    """Check that days are published, or that a model was trained; exit with 65 otherwise.

    Run it from cron, because a dead scheduler notifies nobody.

    Example: `headrace freshness sales.late_scores --days 2026-01-31`
    """

    function: ClassVar[str] = "headrace.stages.freshness:check_freshness"
    submitted: ClassVar[bool] = False
    recorded: ClassVar[bool] = False

    name: Annotated[str, Argument("A table, a table of scores, or a model"), Declared("published")]
    days: Days = ""
    within_days: Annotated[int, Option("For each day, so many days earlier are new enough")] = 0
