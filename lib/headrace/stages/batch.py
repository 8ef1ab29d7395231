from __future__ import annotations

from dataclasses import dataclass

from headrace.declare import resolve
from headrace.lake.contract import conform
from headrace.quality import rows as quality
from headrace.quality.quarantine import quarantine_rows


@dataclass(frozen=True)
class Batch:
    good: object
    quarantined: object
    accepted: list
    rows: dict
    quarantined_rows: dict
    reasons: dict
    refused: dict
    checked: object

    def release(self):
        self.checked.unpersist()


def staged(context, table, days, inputs):
    from pyspark.sql import functions as F

    contract = context.use_case.contract(table)
    transformed = resolve.function(context.use_case.package, table.by)(*[source.rows for source in inputs])
    within = F.col(table.day).between(F.lit(days.first), F.lit(days.last))
    checked = quality.with_failures(
        conform(transformed, table, contract).filter(within), contract, table.checks
    ).persist()
    t = quality.tally(checked, table.day, table.name)
    bad = checked.filter(F.size(quality.REASONS) > 0)
    good = checked.filter(F.size(quality.REASONS) == 0).drop(quality.REASONS, quality.REFUSED)
    frames = (
        [quarantine_rows(bad, table.day, table.name, quality.REASONS, F.to_json(F.struct(*good.columns)))]
        if t.quarantined
        else []
    )
    return Batch(good, frames[0] if frames else None, list(days), t.good, t.bad, t.reasons, {}, checked)
