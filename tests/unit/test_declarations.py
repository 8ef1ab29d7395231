"""`headrace check`: each thing that can be declared wrongly is named with its file, its line and the right word."""

from __future__ import annotations

import datetime as dt
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from headrace import declare
from headrace.declare.validate import validate
from headrace.errors import DeclarationError, UnknownNameError

DECLARED = """\
import datetime as dt
from headrace.declare import Check, Days, Feed, Gate, Model, Table, category, csv, number

orders = Feed("orders", "orders/{day}/*.csv", columns="contracts/orders.yaml", zone="UTC")
prices = Feed("prices", "prices/*.csv", columns="contracts/orders.yaml")
positive = Check("price > 0")
suite = Check(suite="expectations/sales.json", on_fail="refuse")
sales = Table("shop.sales", [orders, prices], "make.sales:sales", "contracts/sales.yaml", "day", ["day", "id"])
trend = Table("shop.trend", [sales.days(-7, 0)], "make.sales:trend", "contracts/sales.yaml", "day", ["day", "id"], checks=[positive, suite])
seen = category("id") + number("price", "stock")
weeks = Days(train=10, validate=2, test=3)
gate = Gate("auc", beat=["champion"], slices=["id"])
model = Model("shop.returned", trend, sales.label("price > 3"), "network:build", [seen], weeks, gate)
"""  # noqa: E501 - one declaration a line, so that its line is its own
SALES = """\
columns:
  day: date not null
  id: bigint not null
  price: double
  stock: int
  known_at: timestamp not null
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a use case in which all is right."""
    files = {
        "__init__.py": DECLARED,
        "make/__init__.py": "",
        "make/sales.py": "import no_such_library\n\ndef sales(orders, prices): ...\n\ndef trend(sales): ...\n",
        "network.py": "def build(encoder): ...\n",
        "contracts/orders.yaml": "columns:\n  id: bigint not null\n",
        "contracts/sales.yaml": SALES,
        "expectations/sales.json": json.dumps({"name": "sales", "expectations": []}),
    }
    for name, text in files.items():
        file = tmp_path / "shop" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield tmp_path / "shop"
    for module in [m for m in sys.modules if m.partition(".")[0] == "shop"]:
        del sys.modules[module]


def refusal(check: Callable[[], object] = lambda: validate(declare.load("shop"))) -> str:
    with pytest.raises(DeclarationError) as refused:
        check()
    return str(refused.value)


def edited(file: Path, right: str, wrong: str) -> str:
    """Write ``wrong`` instead of ``right``; returns file:line."""
    text = file.read_text()
    assert text.count(right) == 1, right
    file.write_text(text.replace(right, wrong))
    return f"{file}:{text[: text.index(right)].count(chr(10)) + 1}"


def test_what_is_right_passes_without_importing_the_transforms(shop: Path) -> None:
    assert validate(declare.load("shop")) == "2 feeds, 2 tables, 1 models"
    assert "shop.make.sales" not in sys.modules


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ('zone="UTC"', 'if_mising="fail"', "Feed takes no 'if_mising'. Did you mean 'if_missing'?"),
        ("checks=[positive, suite]", "cheks=[positive]", "Table takes no 'cheks'. Did you mean 'checks'?"),
        ("seen], weeks, gate)", "seen], weeks, gates=gate)", "Model takes no 'gates'. Did you mean 'gate'?"),
        ('on_fail="refuse"', 'onfail="refuse"', "Check takes no 'onfail'. Did you mean 'on_fail'?"),
        ("slices=", "slice=", "Gate takes no 'slice'. Did you mean 'slices'?"),
        ("validate=2", "validation=2", "Days takes no 'validation'. Did you mean 'validate'?"),
    ],
)
def test_a_misspelt_keyword_is_named_with_the_right_one(shop: Path, right: str, wrong: str, says: str) -> None:
    where = edited(shop / "__init__.py", right, wrong)
    assert refusal() == f"{where}: {says}"


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("import Check, Days", "import Chek, Days", "cannot import name 'Chek' from 'headrace.declare'"),
        ('= category("id")', '= categry("id")', "NameError: name 'categry' is not defined. Did you mean 'category'?"),
        (
            "sales.label(",
            "sales.lable(",
            "AttributeError: 'Table' object has no attribute 'lable'. Did you mean 'label'?",
        ),
        ("import datetime", "import datetimes", "ModuleNotFoundError: No module named 'datetimes'"),
        ('number("price", "stock")', 'number("price" "stock"', "not Python: '(' was never closed"),
    ],
)
def test_a_slip_of_python_is_told_like_any_other(shop: Path, right: str, wrong: str, says: str) -> None:
    where = edited(shop / "__init__.py", right, wrong)
    said = refusal()
    assert said.startswith(f"{where}: ")
    assert says in said


def test_a_wrong_import_offers_the_right_word(shop: Path) -> None:
    edited(shop / "__init__.py", "import Check, Days", "import Chek, Days")
    assert refusal().endswith("Did you mean 'Check'?")


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        (
            ' on_fail="refuse"',
            ' on_fail="refused"',
            "Check: on_fail: Input should be 'quarantine' or 'refuse' (got 'refused')",
        ),
        (' on_fail="refuse"', "", "Check: a suite checks a day as a whole: give it on_fail='refuse'"),
        ('Check("price > 0")', "Check()", "Check: a check has either a condition or a suite"),
        ('Gate("auc"', 'Gate("acu"', "Gate: metric: Input should be 'auc' or 'average_precision' (got 'acu')"),
        ("train=10", "train=0", "Days: train: Input should be greater than 0 (got 0)"),
        (
            "[seen], weeks",
            "['price'], weeks",
            "Model: inputs: 'price' is not an input: use category(), number() or cyclic()",
        ),
        (".days(-7, 0)", ".days(0, -7)", "LookBack: (0, -7) ends before it begins: write (-7, 0)"),
        (
            "orders/{day}/",
            "orders/{date}/",
            "Feed: pattern 'orders/{date}/*.csv' may have {day} in braces, and nothing else",
        ),
        ('zone="UTC"', 'wait_until="6"', "Feed: wait_until '6' is not a time: write it as 06:00"),
        (
            'zone="UTC"',
            'zone="America/NewYork"',
            "Feed: no time zone is called 'America/NewYork'. Did you mean 'America/New_York'?",
        ),
        (
            'zone="UTC"',
            'format=csv(separator=";;")',
            "Csv: separator ';;' is not one ASCII character of a line",
        ),
        ('zone="UTC"', 'format=csv(quote=",")', "Csv: separator ',' is also the quote or the escape"),
        (
            'zone="UTC"',
            'format=csv(encoding="latin9000")',
            "Csv: encoding 'latin9000' is unknown to Python, unlike windows-1252",
        ),
        ('zone="UTC"', 'empty="yes"', "Feed: empty: Input should be 'refuse' or 'allow' (got 'yes')"),
        (', "day", ["day", "id"])', ', "day")', "Table: key: Field required"),
    ],
)
def test_a_wrong_value_is_named_with_what_it_may_be(shop: Path, right: str, wrong: str, says: str) -> None:
    where = edited(shop / "__init__.py", right, wrong)
    assert refusal() == f"{where}: {says}"


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ('number("price",', 'number("prize",', "shop.trend has no column 'prize'. Did you mean 'price'?"),
        ('category("id")', 'category("idd")', "shop.trend has no column 'idd'. Did you mean 'id'?"),
        ('slices=["id"]', 'slices=["stok"]', "shop.trend has no column 'stok'. Did you mean 'stock'?"),
        (
            '[orders, prices], "make.sales:sales", "contracts/sales.yaml", "day", ["day", "id"]',
            '[orders, prices], "make.sales:sales", "contracts/sales.yaml", "day", ["day", "ids"]',
            "contract contracts/sales.yaml has no column 'ids'. Did you mean 'id'?",
        ),
        (
            '[orders, prices], "make.sales:sales", "contracts/sales.yaml", "day"',
            '[orders, prices], "make.sales:sales", "contracts/sales.yaml", "dya"',
            "contract contracts/sales.yaml has no column 'dya'. Did you mean 'day'?",
        ),
        ('"stock")', '"stock", "id")', "shop.returned takes id twice"),
        (
            'number("price",',
            'number("day", "price",',
            "day is date, which number() does not take. It takes int, bigint, float, double, boolean; compute such a"
            " column in the table's transform",
        ),
        (
            'category("id")',
            'category("price")',
            "price is double, which category() does not take. It takes string, int, bigint, boolean, date; compute such"
            " a column in the table's transform",
        ),
    ],
)
def test_an_unknown_column_is_named_with_the_nearest(shop: Path, right: str, wrong: str, says: str) -> None:
    where = edited(shop / "__init__.py", right, wrong)
    if "twice" in says:  # it is the model that takes it twice, and not the one input
        where = f"{shop / '__init__.py'}:{DECLARED.count(chr(10))}"
    assert refusal() == f"{where}: {says}"


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("make.sales:sales", "make.sales:sale", "{shop}/make/sales.py has no function 'sale'. Did you mean 'sales'?"),
        ("make.sales:sales", "make.sale:sales", "shop has no module 'make.sale'. Did you mean 'make.sales'?"),
        (
            "make.sales:sales",
            "make.sales",
            "'make.sales' is not 'module:function'. Write it as transforms.orders:orders",
        ),
        ("network:build", "network:biuld", "{shop}/network.py has no function 'biuld'. Did you mean 'build'?"),
        (
            '"prices/*.csv", columns="contracts/orders.yaml"',
            '"prices/*.csv", columns="contracts/order.yaml"',
            "the contract 'contracts/order.yaml' does not exist. Did you mean 'contracts/orders.yaml'?",
        ),
        (
            "expectations/sales.json",
            "expectations/sale.json",
            "the suite 'expectations/sale.json' does not exist. Did you mean 'expectations/sales.json'?",
        ),
        ("[sales.days(-7, 0)]", "['sales']", "Table: reads: 'sales' is neither a feed nor a table"),
        ('Table("shop.trend"', 'Table("shop.sales"', "'shop.sales' is already declared at {shop}/__init__.py:8"),
        ('Feed("prices"', 'Feed("orders"', "'orders' is already declared at {shop}/__init__.py:4"),
        (
            'Table("shop.trend"',
            'Table("orders"',
            "the name of a table is schema.table, not 'orders'. Call it shop.orders",
        ),
        ('Table("shop.trend"', 'Table("shop.returned_scores"', None),
    ],
)
def test_what_is_not_there_or_there_twice_is_named(shop: Path, right: str, wrong: str, says: str | None) -> None:
    where = edited(shop / "__init__.py", right, wrong)
    if says is None:  # the model's scores would overwrite a table
        where, says = f"{shop}/__init__.py:13", "'shop.returned_scores' is already declared at {shop}/__init__.py:9"
    assert refusal() == f"{where}: {says.format(shop=shop)}"


def test_a_circle_of_tables_is_shown_from_end_to_end(shop: Path) -> None:
    with (shop / "__init__.py").open("a") as file:
        file.write("sales.reads.append(trend)\n")
    assert refusal() == f"{shop}/__init__.py:8: shop.sales -> shop.trend -> shop.sales is a circle"


def test_a_table_that_is_read_and_never_declared_is_named(shop: Path) -> None:
    with (shop / "__init__.py").open("a") as file:
        file.write("del sales\n")
    assert refusal() == f"{shop}/__init__.py:9: shop.trend reads 'shop.sales', which shop does not declare"


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        (
            "id: bigint",
            "id: integer",
            "columns.id: 'integer not null' is not a known type, with or without 'not null'. Did you mean 'int'?",
        ),
        (
            "price: double",
            "price: str",
            "columns.price: 'str' is not a known type, with or without 'not null'. Did you mean 'string'?",
        ),
        ("price: double", "price:", "columns.price: Input should be a valid string (got None)"),
        ("stock: int", "price: int", "not YAML: 'price' appears twice"),
        ("columns:", "colums:", "unknown key 'colums'. Did you mean 'columns'?"),
    ],
)
def test_a_wrong_contract_is_named_by_the_column_s_line(shop: Path, right: str, wrong: str, says: str) -> None:
    where = edited(shop / "contracts" / "sales.yaml", right, wrong)
    assert refusal() == f"{where}: {says}"


def test_a_transform_that_is_not_python_is_named_by_its_line(shop: Path) -> None:
    where = edited(shop / "make" / "sales.py", "def trend(sales): ...", "def trend(sales) ...")
    assert refusal() == f"{where}: not Python: expected ':'"


@pytest.mark.parametrize("content", ["[1, 2]", '{"name": "sales"}'])
def test_a_json_file_that_is_no_suite_is_refused(shop: Path, content: str) -> None:
    (shop / "expectations" / "sales.json").write_text(content)
    hint = "A suite has a name and a list of expectations"
    assert refusal() == f"{shop}/expectations/sales.json: not a Great Expectations suite. {hint}"


def test_a_truncated_suite_is_refused_before_any_batch_is(shop: Path) -> None:
    (shop / "expectations" / "sales.json").write_text('{"name": "sa')
    assert refusal().startswith(f"{shop}/expectations/sales.json: not JSON: ")


def test_a_label_with_another_key_is_refused(shop: Path) -> None:
    edited(shop / "__init__.py", '["day", "id"], checks', '["day"], checks')
    where = f"{shop}/__init__.py:13"
    assert refusal() == f"{where}: the label's table shop.sales has another key than shop.trend. Both need day"


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("day: date not null", "day: date", "'day' is the day of shop.sales and cannot be 'date'"),
        (
            "day: date not null",
            "day: timestamp not null",
            "'day' is the day of shop.sales and cannot be 'timestamp not",
        ),
        ("id: bigint not null", "id: bigint", "'id' is part of the key of shop.sales and cannot be 'bigint'"),
        (
            "known_at: timestamp not null",
            "known_at: timestamp",
            "'known_at' is known_at of shop.sales and cannot be 'timestamp'",
        ),
        (
            "known_at: timestamp not null",
            "known_at: date not null",
            "'known_at' is known_at of shop.sales and cannot be",
        ),
    ],
)
def test_a_contract_whose_rows_could_vanish_is_refused_with_what_to_write(
    shop: Path, right: str, wrong: str, says: str
) -> None:
    where = edited(shop / "contracts" / "sales.yaml", right, wrong)
    said = refusal()
    assert said.startswith(f"{where}: {says}")
    assert said.endswith(f"Write `{right}`")


def test_a_key_without_the_day_is_refused_with_the_key_to_write(shop: Path) -> None:
    where = edited(shop / "__init__.py", '"day", ["day", "id"])', '"day", ["id"])')
    assert refusal() == (
        f"{where}: the key of shop.sales lacks its day column 'day', so days that are built apart could have rows with "
        'the same key. Write key=["day", "id"]'
    )


@pytest.mark.parametrize(("file", "column"), [("sales", "stock: int"), ("orders", "id: bigint not null")])
def test_a_column_with_a_reserved_name_is_refused(shop: Path, file: str, column: str) -> None:
    where = edited(shop / "contracts" / f"{file}.yaml", column, f"{column}\n  _publish_id: string")
    path, _, line = where.rpartition(":")
    hint = "Names that begin with _ are the platform's: choose another one"
    assert refusal() == f"{path}:{int(line) + 1}: the name '_publish_id' is reserved. {hint}"


def test_a_stage_refuses_such_a_contract_too(shop: Path) -> None:
    edited(shop / "contracts" / "sales.yaml", "day: date not null", "day: date")
    use_case = declare.load("shop")
    assert "Write `day: date not null`" in refusal(lambda: use_case.contract(use_case.table("shop.sales")))


@pytest.mark.parametrize("package", ["shopp", "shopp.eu"])
def test_an_unknown_package_is_refused_with_what_to_look_at(package: str) -> None:
    said = refusal(lambda: declare.load(package))
    assert said == f"no package is called {package!r}. It must be importable: is lib/ on PYTHONPATH?"


def test_names_are_looked_up_with_the_nearest_right_one(shop: Path) -> None:
    use_case = declare.load("shop")
    assert use_case.table("shop.sales").key == ["day", "id"]
    with pytest.raises(UnknownNameError, match=r"no table is called 'shop.sale'. Did you mean 'shop.sales'\?"):
        use_case.table("shop.sale")
    with pytest.raises(UnknownNameError, match=r"no model is called 'returned'. Did you mean 'shop.returned'\?"):
        use_case.model("returned")


def test_tables_come_after_what_they_are_made_from(shop: Path) -> None:
    assert [t.name for t in declare.load("shop").in_order("shop.trend")] == ["shop.sales", "shop.trend"]
    assert [t.name for t in declare.load("shop").in_order("shop.sales")] == ["shop.sales"]


def test_a_model_s_windows_follow_each_other_and_end_the_day_before(shop: Path) -> None:
    windows = declare.load("shop").model("shop.returned").window.before(dt.date(2013, 1, 16))
    assert [str(w) for w in windows] == ["2013-01-01..2013-01-10", "2013-01-11..2013-01-12", "2013-01-13..2013-01-15"]


DEMO = """\
from headrace.declare import Demo
demo = Demo("network:build", "2026-01-01..2026-01-31", "shop.trend", "shop.returned", "2026-01-31", "2026-01-31")
"""


@pytest.fixture
def shop_with_demo(shop: Path) -> Path:
    with (shop / "__init__.py").open("a") as file:
        file.write(DEMO)
    return shop


def test_a_use_case_has_its_demo_or_none(shop_with_demo: Path) -> None:
    use_case = declare.load("shop")
    assert validate(use_case) == "2 feeds, 2 tables, 1 models"
    assert use_case.demo is not None
    assert (use_case.demo.table, use_case.demo.train_on) == ("shop.trend", "2026-01-31")


def test_a_use_case_without_a_demo_has_none(shop: Path) -> None:
    assert declare.load("shop").demo is None


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        (
            'Demo("network:build"',
            'Demo("network:biuld"',
            "{shop}/network.py has no function 'biuld'. Did you mean 'build'?",
        ),
        ('01-31", "shop.trend"', '01-31", "shop.tred"', "no table is called 'shop.tred'. Did you mean 'shop.trend'?"),
        (
            '"shop.returned", "20',
            '"shop.retuned", "20',
            "no model is called 'shop.retuned'. Did you mean 'shop.returned'?",
        ),
        (
            '"2026-01-01..2026-01-31"',
            '"January"',
            "Demo: 'January' is not a range of days. Write 2026-01-31, or 2026-01-01..2026-01-07",
        ),
        (
            '"2026-01-31", "2026-01-31"',
            '"Sunday", "2026-01-31"',
            "Demo: train_on 'Sunday' is not a day: write it as 2026-01-31",
        ),
        (
            '"2026-01-31", "2026-01-31"',
            '"2026-01-31", "2026-01-30"',
            "Demo: nothing would be scored: 2026-01-30 is before 2026-01-31, from which the model counts",
        ),
    ],
)
def test_a_wrong_demo_is_named_with_the_right_word(shop_with_demo: Path, right: str, wrong: str, says: str) -> None:
    where = edited(shop_with_demo / "__init__.py", right, wrong)
    assert refusal() == f"{where}: {says.format(shop=shop_with_demo)}"


def test_a_second_demo_is_refused(shop_with_demo: Path) -> None:
    with (shop_with_demo / "__init__.py").open("a") as file:
        file.write(DEMO.replace("demo =", "other ="))
    file, first = shop_with_demo / "__init__.py", DECLARED.count("\n") + 2
    hint = "A use case has at most one Demo"
    assert refusal() == f"{file}:{first + 2}: a demo is already declared at {file}:{first}. {hint}"


def test_a_module_that_would_replace_a_variable_is_refused(shop: Path) -> None:
    (shop / "trend.py").write_text("")
    reason = rf"^{shop}/__init__\.py:9: the variable trend has the name of the module {shop}/trend\.py"
    with pytest.raises(DeclarationError, match=reason):
        declare.load("shop")
