"""What all sections of `config.yaml` have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

OWN_NAME = "(id)"
"""The key under which an entry gets its own name; no setting can have this name by mistake."""


class Section(BaseModel):
    """A group of settings. Unknown names are refused; an empty value means the default."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_default(cls, data: Any) -> Any:
        if data is None:
            return {}
        if isinstance(data, Mapping):
            return {key: value for key, value in data.items() if value is not None}
        return data


class Named(Section):
    """A section that has a name chosen by the engineer."""

    id: str = Field(alias="(id)")
