"""`headrace build --accept-code`: days that only new code makes stale stand, if a sample of them has the same rows."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from headrace.commands import Build
from headrace.config import Config
from headrace.errors import CodeChangedError, CodeNotAcceptedError, DifferentRowsError
from headrace.lake.acceptances import Acceptance, acceptances
from headrace.lake.commits import file_of
from headrace.lake.look import INDEX
from headrace.stages.build import BuildResult
from headrace.stages.build_plan import stale_days
from headrace.stages.context import StageContext
from headrace.stages.runner import run_stage
from headrace.who import user
from pyspark.sql import SparkSession

from tests.support import lakes
from tests.support.local_config import local_config

pytestmark = pytest.mark.slow
DAYS = lakes.days("01-05", "01-08")
SALES, TOTALS = "kiosk.sales", "kiosk.totals"
DECLARED = """
from headrace.declare import Feed, Table
orders = Feed("orders", "orders/{day}/*.csv", columns="orders.yaml", if_missing="continue")
sales = Table("kiosk.sales", [orders], "make_sales:sales", "sales.yaml", "day", ["day", "id"])
totals = Table("kiosk.totals", [sales], "make_totals:totals", "sales.yaml", "day", ["day", "id"])
"""
SALES_CODE = """
from pyspark.sql import functions as F
def sales(orders):
    return orders.select("day", "id", PRICE.alias("price"), F.to_timestamp("day").alias("known_at"))
"""
TOTALS_CODE = "def totals(sales):\n    return sales\n"
FIRST, SAME, HIGHER = 'F.col("price")', '(F.col("price") * 3 / 3)', '(F.col("price") + F.dayofmonth("day") % 2)'
Kiosk = Callable[..., StageContext]


@pytest.fixture(scope="module")
def built(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package, and with a lake in which its days are built. Only for reading."""
    folder = tmp_path_factory.mktemp("built")
    package = folder / "code" / "kiosk"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(DECLARED)
    (package / "orders.yaml").write_text("columns: {id: int not null, day: date not null, price: double}\n")
    columns = "{day: date not null, id: int not null, price: double, known_at: timestamp not null}"
    (package / "sales.yaml").write_text(f"columns: {columns}\n")
    (package / "make_totals.py").write_text(TOTALS_CODE)
    (package / "make_sales.py").write_text(SALES_CODE.replace("PRICE", FIRST))
    for day in DAYS:
        deliver(folder / "inbox", day.day, 1.1)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder / "code")
        context = opened(folder, local_config())
        lakes.land(context, DAYS)
        lakes.build(context, TOTALS, DAYS)
    return folder


def deliver(inbox: Path, day: int, price: float) -> None:
    file = inbox / "orders" / f"2013-01-{day:02}" / "orders.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"id,day,price\n7,{file.parent.name},{price}\n")


def opened(folder: Path, config: Config) -> StageContext:
    """The use case with its modules as they are now."""
    for name in [name for name in sys.modules if name.split(".")[0] == "kiosk"]:
        del sys.modules[name]
    config = config.model_copy(update={"use_case": "kiosk"})
    return lakes.context_at(config, folder / "root", folder / "inbox")


@pytest.fixture
def kiosk(built: Path, tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kiosk]:
    """Opens a copy of the lake with another expression for the price."""
    import shutil

    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    monkeypatch.syspath_prepend(tmp_path / "code")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def with_price(price: str) -> StageContext:
        (tmp_path / "code" / "kiosk" / "make_sales.py").write_text(SALES_CODE.replace("PRICE", price))
        return opened(tmp_path, config)

    yield with_price
    for name in [name for name in sys.modules if name.split(".")[0] == "kiosk"]:
        del sys.modules[name]


def accept(context: StageContext, table: str = TOTALS, days: object = DAYS, *, catch_up: bool = False) -> BuildResult:
    command = Build(table=table, days=str(days), catch_up=catch_up, accept_code=True, reason="release 2")
    return run_stage(context, command)  # type: ignore[return-value]


def kept(context: StageContext) -> list[Acceptance]:
    return acceptances(context.lake.table(SALES).path)


def stale(context: StageContext) -> list[str]:
    """The stale days of both tables, by table."""
    again = lakes.again(context)
    return [f"{name} {days}" for name in (SALES, TOTALS) for days in stale_days(again, again.use_case.table(name))]


def test_code_that_makes_the_same_rows_is_accepted_and_no_day_is_built_again(kiosk: Kiosk) -> None:
    context = kiosk(SAME)
    ids, commits = lakes.ids_of(context, SALES), lakes.commits(context, SALES, TOTALS)
    assert stale(context) == [f"{SALES} {DAYS}"]
    result = accept(context, days=DAYS.last, catch_up=True)
    assert result.builds[SALES].accepted == (str(DAYS),)
    assert result.builds[SALES].built == result.builds[TOTALS].accepted == ()
    assert stale(context) == []
    assert lakes.ids_of(context, SALES) == ids
    assert lakes.commits(context, SALES, TOTALS) == commits
    [entry] = kept(context)
    assert (entry.days, entry.reason, entry.by) == ((DAYS,), "release 2", user())
    assert {DAYS.first, DAYS.last} <= {*entry.compared}
    assert entry.old == context.table(context.use_case.table(SALES)).publications[DAYS.first].code
    assert stale(kiosk(FIRST)) == []
    assert stale(kiosk('(F.col("price") * 6 / 6)')) == [f"{SALES} {DAYS}"]


def test_code_that_makes_other_rows_is_not_accepted_and_an_example_is_named(kiosk: Kiosk) -> None:
    context = kiosk(HIGHER)
    with pytest.raises(DifferentRowsError, match=f"^{SALES} has other rows .* on {DAYS.first}") as refused:
        accept(context)
    assert "price is 2.1 built now and 1.1 as published" in refused.value.what
    assert kept(context) == []
    assert stale(context) == [f"{SALES} {DAYS}"]


def test_a_day_whose_input_has_changed_too_is_built_and_the_others_stand(kiosk: Kiosk) -> None:
    context = kiosk(SAME)
    before = lakes.ids_of(context, SALES)
    deliver(context.config.inbox, 6, 2.2)  # type: ignore[arg-type]
    lakes.land(context, DAYS)
    result = accept(lakes.again(context))
    assert result.builds[SALES].accepted == ("2013-01-05", "2013-01-07..2013-01-08")
    assert result.builds[SALES].built == result.builds[TOTALS].built == ("2013-01-06",)
    assert [str(day) for day in lakes.moved(context, SALES, before)] == ["2013-01-06"]
    assert [row["price"] for row in lakes.rows_of(context, TOTALS, key=["day"])] == [1.1, 2.2, 1.1, 1.1]
    assert stale(context) == []


def test_code_that_is_changed_while_it_builds_is_not_published(kiosk: Kiosk) -> None:
    context = kiosk("""(open(__file__, "a").write("changed = True") and F.col("price") * 2)""")
    before = lakes.ids_of(context, SALES)
    with pytest.raises(CodeChangedError, match=rf"^the code of {SALES} has changed since this command began"):
        lakes.build(context, SALES, lakes.days("01-05"))
    assert lakes.ids_of(context, SALES) == before


def test_days_without_rows_show_nothing_and_are_built_again(kiosk: Kiosk) -> None:
    context, empty = kiosk(FIRST), lakes.days("01-09")
    lakes.land(context, empty)
    lakes.build(lakes.again(context), SALES, empty)
    assert accept(kiosk(SAME), SALES, empty).builds[SALES].built == (str(empty),)
    assert kept(context) == []


def test_days_of_an_unknown_code_are_not_accepted(kiosk: Kiosk) -> None:
    context = kiosk(SAME)
    path = context.lake.table(SALES).path
    first = file_of(path, 0)
    lines = [json.loads(line) for line in first.read_text().splitlines()]
    for line in lines:
        if "commitInfo" in line:
            metadata = json.loads(line["commitInfo"]["userMetadata"])
            del metadata["headrace"]["code"]
            line["commitInfo"]["userMetadata"] = json.dumps(metadata)
    first.write_text("\n".join(map(json.dumps, lines)))  # type: ignore[union-attr]
    (path / INDEX).unlink(missing_ok=True)  # type: ignore[union-attr]
    with pytest.raises(CodeNotAcceptedError, match=rf"^which code made {DAYS} of {SALES} was not recorded"):
        accept(context, SALES)
    assert kept(context) == []
