"""modelkit has no aliases, so its drop-in refuses a spec that names one, as modelkit itself does."""

from __future__ import annotations

import pytest

from assetsync.modelkit import AssetSpec
from assetsync.modelkit.errors import InvalidAssetSpecError


@pytest.mark.parametrize("spec", ["nlp/x@production", "nlp/x@production[part]", "nlp/x@"])
def test_a_spec_with_an_alias_is_none(spec: str) -> None:
    with pytest.raises(InvalidAssetSpecError):
        AssetSpec.from_string(spec)
