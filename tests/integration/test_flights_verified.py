"""The flights' transforms pass ``headrace verify``: a day is the same in any range, and no feature knows the future."""

from __future__ import annotations

import pytest
from headrace.stages.context import StageContext
from headrace.stages.verify import verify_transform

from tests.support import lakes

# On 2013-02-09 and its 32 days of look-back, as declared. The rates once needed more days than were declared.
DAYS = lakes.days("02-07", "02-09")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "not_changed"),
    [
        ("flights.legs", {"schedule", "planes", "airports"}),
        ("flights.outcomes", {"actuals"}),
        ("flights.features", set()),
    ],
)
def test_the_days_of_a_table_are_the_same_alone_and_in_a_range_and_know_nothing_later(
    built: StageContext, table: str, not_changed: set[str]
) -> None:
    result = verify_transform(built, built.use_case.table(table), DAYS, alone=2, instants=1)
    assert min(result.compared.values()) > 100
    assert result.days_alone == (str(DAYS.first), str(DAYS.last))
    assert result.changed > 100
    assert set(result.not_changed) == not_changed
