"""modelkit's versioning systems: classes whose methods need no instance, over the systems of assetsync."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Never

from assetsync.errors import InvalidError
from assetsync.escape import printable
from assetsync.model.history import History
from assetsync.model.versioning import MajorMinor, SimpleDate, Versioning, is_valid
from assetsync.modelkit.errors import (
    InvalidMajorVersionError,
    InvalidVersionError,
    MajorVersionDoesNotExistError,
    UnknownAssetsVersioningSystemError,
    told,
)


class AssetsVersioningSystem:
    """The methods that both systems have. Errors are InvalidVersionError."""

    system: ClassVar[Versioning]

    @classmethod
    def get_initial_version(cls) -> str:
        """The first version of a new asset."""
        return cls.system.initial(now=datetime.now(UTC))

    @classmethod
    def check_version_valid(cls, version: str) -> None:
        """InvalidVersionError unless `version` is one. An empty one is none at all, and passes."""
        if version and not is_valid(cls.system, version):
            cls._refuse(version)

    @classmethod
    def is_version_valid(cls, version: str) -> bool:
        """Whether `check_version_valid` lets it pass."""
        try:
            cls.check_version_valid(version)
        except InvalidVersionError:
            return False
        return True

    @classmethod
    def is_version_complete(cls, version: str) -> bool:
        """Whether `version` names one version."""
        return is_valid(cls.system, version)

    @classmethod
    def sort_versions(cls, version_list: Iterable[str]) -> list[str]:
        """Newest first. InvalidVersionError for one that is none."""
        versions = list(version_list)
        for version in versions:
            if not is_valid(cls.system, version):
                cls._refuse(version)
        return cls.system.sort(versions)

    @classmethod
    def get_latest_version(cls, version_list: Iterable[str], major: str | None = None) -> str:
        """The newest of the versions, or of those of one major. InvalidVersionError where there is none."""
        found = History.of(version_list, cls.system).matching(major)
        if not found:
            what = f"no version of major `{printable(major)}`" if major else "no version"
            raise told(MajorVersionDoesNotExistError, f"there is {what}")
        return found[0]

    @classmethod
    def get_latest_partial_version(cls, version: str, versions: Sequence[str]) -> str:
        """The newest of the versions that `version` stands for."""
        return cls.get_latest_version(versions, version or None)

    @classmethod
    def increment_version(
        cls, version_list: Sequence[str] | None = None, params: Mapping[str, Any] | None = None
    ) -> str:
        """The version that follows the newest of the list."""
        if not version_list:
            return cls.get_initial_version()
        return cls.system.next(cls.sort_versions(version_list), now=datetime.now(UTC))

    @classmethod
    def get_update_cli_params(cls, **asked: Any) -> dict[str, Any]:
        """`display`, the text that modelkit's command line shows; `params`, the arguments of `increment_version`."""
        versions = cls.sort_versions(asked["version_list"])
        return {"display": f"{len(versions)} versions: {', '.join(versions)}", "params": {}}

    @classmethod
    def _refuse(cls, version: str) -> Never:
        try:
            cls.system.check(version)
        except InvalidError as error:
            raise told(InvalidVersionError, error.message) from None
        raise told(InvalidVersionError, f"`{printable(version)}` is not valid")


class MajorMinorAssetsVersioningSystem(AssetsVersioningSystem):
    """`1.2`; a bare `1` stands for the newest `1.x`."""

    lines: ClassVar[MajorMinor] = MajorMinor()
    system: ClassVar[Versioning] = lines

    @classmethod
    def check_version_valid(cls, version: str) -> None:
        """InvalidVersionError for a text that is neither a version nor a major."""
        if not cls._is_line(version):
            super().check_version_valid(version)

    @classmethod
    def filter_versions(cls, version_list: Iterable[str], major: str) -> list[str]:
        """The versions of one major, newest first. InvalidVersionError for what is no major."""
        if not cls._is_line(major):
            raise told(InvalidMajorVersionError, f"`{printable(major)}` is not a major version, such as `1`")
        return History.of(version_list, cls.system).in_line(major)

    @classmethod
    def latest_version(cls, version_list: Iterable[str], major: str | None = None) -> str:
        """As `get_latest_version`."""
        return cls.get_latest_version(version_list, major)

    @classmethod
    def get_latest_partial_version(cls, version: str, versions: Sequence[str]) -> str:
        """The newest of the versions that share the major of `version`; of all, for an empty one."""
        # As modelkit: `1.2` stands for the newest of its major, for a complete one is never asked about.
        cls.check_version_valid(version)
        return cls.get_latest_version(versions, version.partition(".")[0] or None)

    @classmethod
    def increment_version(
        cls, version_list: Sequence[str] | None = None, params: Mapping[str, Any] | None = None
    ) -> str:
        """The next minor of the newest major, or of `params["major"]`; with `params["bump_major"]`, the next major."""
        asked = params or {}
        major = asked.get("major")
        newest = cls.get_latest_version(version_list or (), None if asked.get("bump_major") else major)
        if asked.get("bump_major"):
            return cls.lines.first_of_line(cls.lines.next_line(cls.lines.line_of(newest)))
        return cls.lines.next([newest], now=datetime.now(UTC))

    @classmethod
    def get_update_cli_params(cls, **asked: Any) -> dict[str, Any]:
        """As in the base; `params` holds `bump_major` and the major of `version`."""
        major = asked["version"].partition(".")[0] if asked.get("version") else None
        return {
            "display": super().get_update_cli_params(**asked)["display"],
            "params": {"bump_major": asked.get("bump_major", False), "major": major},
        }

    @classmethod
    def _is_line(cls, text: str) -> bool:
        try:
            cls.lines.check_line(text)
        except InvalidError:
            return False
        return True


class SimpleDateAssetsVersioningSystem(AssetsVersioningSystem):
    """`2026-01-31T09-00-00Z`, in UTC."""

    system: ClassVar[Versioning] = SimpleDate()

    @classmethod
    def check_version_valid(cls, version: str) -> None:
        """InvalidVersionError for a text that is no UTC date of that form."""
        if not is_valid(cls.system, version):
            cls._refuse(version)

    @classmethod
    def get_latest_partial_version(cls, version: str, versions: Sequence[str]) -> str:
        """The newest of the versions, whatever `version` is."""
        return cls.get_latest_version(versions)


SYSTEMS: Mapping[str, type[AssetsVersioningSystem]] = {
    "major_minor": MajorMinorAssetsVersioningSystem,
    "simple_date": SimpleDateAssetsVersioningSystem,
}


def system_of(name: str) -> AssetsVersioningSystem:
    """The system called `name`. UnknownAssetsVersioningSystemError."""
    if name not in SYSTEMS:
        known = ", ".join(f"`{one}`" for one in SYSTEMS)
        raise told(
            UnknownAssetsVersioningSystemError,
            f"`{printable(name)}` is no versioning system of modelkit; these are {known}",
            "`assetsync.AssetStore` takes plug-ins of assetsync too",
        )
    return SYSTEMS[name]()
