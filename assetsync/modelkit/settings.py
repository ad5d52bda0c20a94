"""modelkit's AssetSpec: `name`, `name:1`, `name:1.2`, `name:1.2[part]`."""

from __future__ import annotations

import os
from collections.abc import Iterable

from assetsync.errors import InvalidError
from assetsync.escape import printable
from assetsync.manifest.settings import default_versioning
from assetsync.model.marks import alias_in
from assetsync.model.names import Spec, parse_spec, version_problem
from assetsync.model.names import name_problem as problem_of_name
from assetsync.modelkit.errors import InvalidAssetSpecError, InvalidNameError, InvalidVersionError, told
from assetsync.modelkit.versioning import AssetsVersioningSystem, system_of


class AssetSpec:
    """A version, or a part of one, by name. `versioning` is MODELKIT_ASSETS_VERSIONING_SYSTEM, or `major_minor`.

    InvalidNameError, InvalidVersionError, UnknownAssetsVersioningSystemError.
    """

    def __init__(
        self, name: str, versioning: str | None = None, version: str | None = None, sub_part: str | None = None
    ) -> None:
        self.versioning: AssetsVersioningSystem = system_of(versioning or default_versioning(os.environ))
        self.check_name_valid(name)
        if version:
            self.check_version_valid(version)
            self.versioning.check_version_valid(version)
        self.name = name
        self.version = version
        self.sub_part = sub_part

    @classmethod
    def from_string(cls, input_string: str, versioning: str | None = None) -> AssetSpec:
        """A spec as text. InvalidAssetSpecError."""
        try:
            spec = parse_spec(input_string)
        except InvalidError as error:
            raise told(InvalidAssetSpecError, error.message, error.hint) from error
        if alias_in(spec.version) is not None:
            raise told(InvalidAssetSpecError, f"`{printable(input_string)}` names an alias, which modelkit has none of")
        return cls(spec.name, versioning, spec.version, spec.part)

    @classmethod
    def check_name_valid(cls, name: str) -> None:
        """InvalidNameError unless `name` can be published under."""
        problem = problem_of_name(name)
        if problem is not None:
            raise told(InvalidNameError, problem)

    @classmethod
    def check_version_valid(cls, name: str) -> None:
        """InvalidVersionError unless some system could have that version."""
        problem = version_problem(name) if name else None
        if problem is not None:
            said = f"`{printable(name)}` is a name, where a version should be" if "/" in name else problem
            raise told(InvalidVersionError, said)

    def is_version_complete(self) -> bool:
        """Whether this is one version."""
        return bool(self.version) and self.versioning.is_version_complete(self.version or "")

    def sort_versions(self, version_list: Iterable[str]) -> list[str]:
        """Newest first."""
        return self.versioning.sort_versions(version_list)

    def set_latest_version(self, all_versions: list[str]) -> None:
        """Make this the newest of the versions that it stands for. InvalidVersionError where there is none."""
        self.version = self.versioning.get_latest_partial_version(self.version or "", all_versions)

    def get_local_versions(self, local_name: str) -> list[str]:
        """The versions that lie in a folder, newest first."""
        if not os.path.isdir(local_name):
            return []
        found = (one for one in os.listdir(local_name) if self.versioning.is_version_complete(one))
        return self.versioning.sort_versions(found)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AssetSpec) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        return str(Spec(self.name, self.version, self.sub_part))

    def __repr__(self) -> str:
        return f"AssetSpec({str(self)!r})"
