"""The base of every pydantic model of the platform."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict


class FrozenModel(BaseModel):
    """A model whose fields cannot be assigned, and that refuses undeclared fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    @classmethod
    def from_any_release(cls, content: bytes | str) -> Self:
        """Read JSON that another release may have written: Airflow's image and the image of jobs differ for a while.

        Fields that this release does not know are left out.

        Raises:
            ValidationError: the JSON is broken, or lacks a field.
        """
        return cls.model_validate_json(content, extra="ignore")
