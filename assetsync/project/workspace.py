"""Shared by `Project` and `AssetStore`: a folder, what is remembered about it, and the store that it works with."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from assetsync import __version__
from assetsync.local.boundary import Boundary
from assetsync.model.lock import Lock
from assetsync.model.manifest import Manifest, StoreConfig
from assetsync.model.versioning import Versioning, load_versioning
from assetsync.plan.plan import Action, Create, Update
from assetsync.progress import Reporter
from assetsync.project.gather import Site
from assetsync.state.cache import Cache
from assetsync.state.folder import State
from assetsync.state.journal import Journal
from assetsync.state.pull_markers import Markers
from assetsync.traffic import UNLIMITED, Traffic

if TYPE_CHECKING:
    from assetsync.model.provenance import Provenance
    from assetsync.project.execute import Record
    from assetsync.project.result import Outcome
    from assetsync.remote.store import Store
    from assetsync.transfer.publication import Elsewhere


class Workspace:
    """One folder and one store. Close it when done.

    Paths of assets are relative to `root`; a relative directory store is relative to `store_root`. Cache, journal and
    pull markers lie in `state`; links may lead out of `boundary`. `environ` is the environment that settings and
    credentials are taken from; `traffic` limits what is asked, sent and got. UsageError when no versioning system is
    called `versioning_name`.
    """

    def __init__(
        self,
        root: str,
        config: StoreConfig,
        versioning_name: str,
        state: State,
        boundary: Boundary,
        *,
        environ: Mapping[str, str],
        store_root: str | None = None,
        traffic: Traffic = UNLIMITED,
    ) -> None:
        self.root = root
        self.config = config
        self.versioning_name = versioning_name
        self.versioning: Versioning = load_versioning(versioning_name)
        self.state = state
        self.boundary = boundary
        self.environ = environ
        self.traffic = traffic
        self.cache = Cache(state.cache)
        self.journal = Journal(state.journal)
        self.markers = Markers(state.pulls)
        self._store_root = store_root or root
        self._store: Store | None = None
        self._opening = threading.Lock()

    def close(self) -> None:
        """Release the cache and the connections. Nothing is lost by not calling it."""
        self.cache.close()
        if self._store is not None:
            self._store.close()

    @property
    def store(self) -> Store:
        """The store, opened at first use, from any thread. UsageError, DeniedError."""
        with self._opening:
            if self._store is None:
                self._store = self.open(self.config)
            return self._store

    def site(self, manifest: Manifest, lock: Lock | None) -> Site:
        """This folder with the entries of `manifest`, for gathering and carrying out."""
        return Site(
            self.root,
            self.boundary,
            manifest,
            lock,
            self.versioning,
            self.cache,
            self.journal,
            self.markers,
        )

    def has_claim(self, version: str) -> bool:
        """Whether a publish of `version`, as NAME:VERSION, began here and was not seen through."""
        return self.journal.has_claim(self.store.url, version)

    def carry_out(
        self,
        actions: Sequence[Action],
        site: Site,
        *,
        record: Record,
        message: str | None,
        reporter: Reporter,
        elsewhere: Mapping[str, Elsewhere] | None = None,
    ) -> Sequence[Outcome]:
        """Do `actions`; how each of them ended. `message` is kept with what is published.

        `record` and `elsewhere` are as in `Execution`. Raises only what concerns all of them: UnsupportedError.
        """
        # Imported here, because a check of local content carries nothing out.
        from assetsync.pool import Transfers
        from assetsync.project.execute import Execution, who

        with Transfers(traffic=self.traffic) as transfers:
            return Execution(
                site=site,
                store=self.store,
                transfers=transfers,
                reporter=reporter,
                record=record,
                who=who(),
                provenance=self._provenance(actions, message),
                entries={entry.name: entry for entry in site.manifest.entries},
                elsewhere=elsewhere or {},
            ).carry_out(actions)

    def provenance(self, message: str | None) -> Provenance:
        """Who works here, and from which commit. Asks git."""
        from assetsync.git.provenance import provenance

        return provenance(self.root, self.environ, tool=f"assetsync {__version__}", message=message)

    def open(self, config: StoreConfig) -> Store:
        """A store, for who closes it. UsageError, DeniedError."""
        from assetsync.pool import LOOK_WIDTH
        from assetsync.remote.store import open_store

        width = self.traffic.jobs or LOOK_WIDTH
        root, environ = self._store_root, self.environ
        return open_store(config, self.versioning, self.cache, root=root, environ=environ, width=width)

    def _provenance(self, actions: Sequence[Action], message: str | None) -> Provenance:
        """Where published content comes from. Asking git takes a tenth of a second, so only when there is some."""
        from assetsync.model.provenance import Provenance

        tool = f"assetsync {__version__}"
        if any(isinstance(action, Create | Update) for action in actions):
            return self.provenance(message)
        return Provenance(tool=tool)
