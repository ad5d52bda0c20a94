"""Where an `AssetStore` is at home: a folder, and the project whose assets.yaml names the store, if one does."""

from __future__ import annotations

import os
from collections.abc import Mapping

from msgspec import Struct

from assetsync.errors import LockError, NoFileError, UsageError
from assetsync.escape import printable
from assetsync.manifest import settings
from assetsync.model.files import LOCK, MANIFEST
from assetsync.model.lock import Lock
from assetsync.model.manifest import Manifest, StoreConfig
from assetsync.project.locate import boundary, find_manifest, open_state
from assetsync.project.texts import parse_project, read_lock, read_manifest
from assetsync.project.workspace import Workspace
from assetsync.reading import shown_path
from assetsync.state.folder import State
from assetsync.traffic import Traffic


class Home(Struct, frozen=True):
    """`folder` is absolute; relative paths are relative to it. `config` is the store; a relative directory of one is
    below `store_root`. `manifest_file` and `manifest` are None where no project was named.
    """

    folder: str
    environ: Mapping[str, str]
    config: StoreConfig
    store_root: str
    manifest_file: str | None = None
    manifest: Manifest | None = None

    @classmethod
    def of(cls, url: str | None, folder: str, manifest_file: str | None, environ: Mapping[str, str]) -> Home:
        """As the arguments of `AssetStore` say. UsageError, InvalidError, ManifestError, NoFileError."""
        if manifest_file is not None:
            path = os.path.join(folder, manifest_file)
            manifest = parse_project(read_manifest(path), path, store=url, environ=environ)
            # A store of assets.yaml that was chosen by its name lies where assets.yaml does.
            is_given = bool(url or environ.get("ASSETSYNC_STORE")) and manifest.store.name is None
            root = folder if is_given else os.path.dirname(path)
            return cls(folder, environ, manifest.store, root, path, manifest)
        given = settings.given_store(environ, url)
        if given is None:
            raise UsageError(
                f"no store is named: there is no `{MANIFEST}` in `{printable(folder)}` or above it",
                hint="give its URL with `--store URL`, or set `ASSETSYNC_STORE`, or modelkit's"
                " `MODELKIT_STORAGE_PROVIDER` and `_BUCKET`",
            )
        return cls(folder, environ, settings.overridden(given, environ), folder)

    @property
    def project(self) -> str | None:
        """The folder of the project."""
        return None if self.manifest_file is None else os.path.dirname(self.manifest_file)

    def workspace(self, versioning: str | None, traffic: Traffic) -> Workspace:
        """The work with the store from here, under a versioning system: by default that of the settings."""
        default = self.manifest.versioning if self.manifest else settings.default_versioning(self.environ)
        return Workspace(
            self.folder,
            self.config,
            versioning or default,
            self._state(),
            boundary(self.project or self.folder, self.environ),
            environ=self.environ,
            store_root=self.store_root,
            traffic=traffic,
        )

    def _state(self) -> State:
        """The folder for cache, journal and markers: in the project, or else the user's state folder."""
        if self.project is not None:
            return open_state(self.project, self.environ)
        from platformdirs import user_state_path

        return State.at(self.environ.get("ASSETSYNC_STATE_DIR") or str(user_state_path("assetsync")))

    def nearest_manifest(self) -> Manifest | None:
        """The assets.yaml that the folder belongs to: its guards hold, whatever store was given. ManifestError."""
        if self.manifest is not None:
            return self.manifest
        try:
            found = find_manifest(self.folder)
        except NoFileError:
            return None
        return parse_project(read_manifest(found), found, store=self.config.url, environ=self.environ)

    def lock(self) -> Lock:
        """The assets.lock that lies here. NoFileError; LockError, also for that of another store."""
        path = self.path(LOCK)
        lock = read_lock(path)
        if lock is None:
            raise NoFileError(f"`{shown_path(path)}` does not exist", hint="`assetsync apply` or `adopt` writes it")
        if not self._is_of_this_store(lock):
            raise LockError(
                f"`{LOCK}` belongs to the store `{printable(lock.store)}`, and this is `{printable(self.config.url)}`",
                hint="give no other store",
            )
        return lock

    def locked(self) -> Mapping[str, str]:
        """As `AssetStore.locked`."""
        lock = None if self.manifest is None else read_lock(self.path(LOCK))
        if lock is None or not self._is_of_this_store(lock):
            return {}
        return {name: entry.version for name, entry in lock.assets.items()}

    def path(self, file: str) -> str:
        """Where a file of the project lies, or would lie."""
        return os.path.join(self.project or self.folder, file)

    def _is_of_this_store(self, lock: Lock) -> bool:
        return lock.store == (self.manifest.lock_store if self.manifest else self.config.url)
