"""The content of assets.yaml, as values."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from assetsync.model.guards import Guards


class StoreConfig(Struct, frozen=True, eq=False):
    """Where assets live, as written in assets.yaml or given by flag or environment. Holds no secret.

    `name` is the one that `stores` of assets.yaml gives it. `storage_class` and `object_tags` are those of new data
    objects. `origins` says of settings where they come from, in words; two with the same settings are equal.
    """

    url: str
    endpoint: str | None = None
    region: str | None = None
    kms_key_id: str | None = None
    # False for stores that ignore preconditions: check-then-write, which can't exclude a race.
    conditional_writes: bool = True
    # What a GB (1000**3 bytes) costs a month there, in whatever currency. Only for a plan to tell what it adds.
    price_per_gb_month: float | None = None
    storage_class: str | None = None
    object_tags: tuple[tuple[str, str], ...] = ()
    name: str | None = None
    origins: Mapping[str, str] = field(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoreConfig) and self._settings == other._settings

    def __hash__(self) -> int:
        return hash(self._settings)

    @property
    def _settings(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__struct_fields__ if name != "origins")

    @property
    def shown(self) -> str:
        """The store for a person: its name, where it has one, or else its URL."""
        return self.name or self.url


class Entry(Struct, frozen=True):
    """One asset of assets.yaml. `path` is POSIX and relative to the manifest; `line` and `column` say where.

    `allow_secrets` are files and folders of the asset, relative to it, in which secrets were found harmless; a single
    file goes by its own name.
    """

    name: str
    path: str
    version: str | None = None
    readonly: bool = False
    exclude: tuple[str, ...] = ()
    description: str | None = None
    owner: str | None = None
    tags: tuple[str, ...] = ()
    allow_secrets: tuple[str, ...] = ()
    line: int = 1
    column: int = 1


class Manifest(Struct, frozen=True):
    """assets.yaml, checked. `entries` keep the order of the file.

    `store` is the one to work with: the default one, unless a flag or a variable has chosen another. `stores` are those
    that have names. `home` is the default store where another of `stores` was chosen: assets.lock, of which there is
    one for all of them, belongs to it.
    """

    store: StoreConfig
    versioning: str
    entries: tuple[Entry, ...]
    guards: Guards = field(default_factory=Guards)
    stores: tuple[StoreConfig, ...] = ()
    home: StoreConfig | None = None

    @property
    def lock_store(self) -> str:
        """The URL that assets.lock records."""
        return (self.home or self.store).url
