"""A store without a repo around it: publish by hand, look, fetch. What `modelkit assets` and its Python class do.

::

    store = AssetStore("s3://my-bucket/modelkit-assets")
    version = store.update("out/model.bin", name="nlp/sentiment", message="retrained on May data")
    path = store.fetch("nlp/sentiment:1", assets_dir="/srv/assets")

Nothing here prints or asks. Work is reported through a `Reporter`, errors come from `assetsync.errors`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from assetsync import __version__, settings
from assetsync.cache import Cache
from assetsync.decide import Options, plan_sync
from assetsync.documents import Meta
from assetsync.errors import InvalidError, NotFoundError, UsageError
from assetsync.execute import Execution, Outcome, who
from assetsync.fetch import fetch, fetched
from assetsync.gather import Site, gather
from assetsync.journal import Journal
from assetsync.layout import check_name, parse_spec
from assetsync.marker import Markers
from assetsync.model import Entry, ListedAsset, Manifest, Provenance, StoreConfig
from assetsync.plan import Action, Adopt, Keep, Plan
from assetsync.progress import Reporter, Silent
from assetsync.snapshot import History, Snapshot
from assetsync.store import Store, open_store, resolve
from assetsync.transfer import Transfers
from assetsync.versioning import Lines, load_versioning


class AssetStore:
    """One store. A context manager that closes what it opened.

    `url` is `s3://…`, `gs://…`, `az://…` or a directory; None takes ASSETSYNC_STORE or modelkit's variables. Settings
    that are not given come from `environ`, the process's environment by default. UsageError.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        versioning: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._environ = os.environ if environ is None else environ
        given = StoreConfig(url) if url else settings.given_store(self._environ)
        if given is None:
            raise UsageError(
                "no store is named",
                hint="give its URL, or set `ASSETSYNC_STORE`, or modelkit's `MODELKIT_STORAGE_PROVIDER` and `_BUCKET`",
            )
        self.config = settings.overridden(given, self._environ, url)
        self.versioning_name = versioning or settings.default_versioning(self._environ)
        self.versioning = load_versioning(self.versioning_name)
        self._cache = Cache(_cache_file(self._environ))
        self._store: Store | None = None

    def __enter__(self) -> AssetStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the cache and the connections. Nothing is lost by not calling it."""
        self._cache.close()
        if self._store is not None:
            self._store.close()

    @property
    def store(self) -> Store:
        """The remote layout under this store, opened at first use. UsageError, DeniedError."""
        if self._store is None:
            self._store = open_store(self.config, self.versioning, self._cache, root=os.getcwd(), environ=self._environ)
        return self._store

    def new(
        self,
        path: str | os.PathLike[str],
        *,
        name: str,
        version: str | None = None,
        message: str | None = None,
        reporter: Reporter | None = None,
    ) -> str:
        """Publish `path` as the first version of a new asset; returns that version.

        `version` is the line to start at (`1` for `1.0`). InvalidError when the asset exists; ContentError, StoreError,
        ConflictError.
        """
        return self.publish(self.plan_new(path, name=name, version=version, reporter=reporter), message, reporter)

    def update(
        self,
        path: str | os.PathLike[str],
        *,
        name: str,
        version: str | None = None,
        bump_major: bool = False,
        force: bool = False,
        message: str | None = None,
        reporter: Reporter | None = None,
    ) -> str:
        """Publish `path` as the next version of an asset; returns that version, or the newest when it has this content.

        `version` is the line to go on with (`1` for the next `1.x`), the newest by default; `bump_major` opens the next
        line; `force` publishes unchanged content too. NotFoundError when there is no such asset; InvalidError,
        ContentError, StoreError, ConflictError.
        """
        plan = self.plan_update(path, name=name, version=version, bump_major=bump_major, force=force, reporter=reporter)
        return self.publish(plan, message, reporter)

    def versions(self, name: str) -> Sequence[str]:
        """The versions of an asset, newest first. NotFoundError, StoreError, DamagedError."""
        index = self.store.index(check_name(name))
        if index is None:
            raise NotFoundError(f"`{self.config.url}` has no asset `{name}`", hint="`assetsync list` shows what it has")
        return list(index.listed)

    def meta(self, spec: str) -> Meta:
        """What is recorded of a version: files, sizes, digests, provenance. NotFoundError, InvalidError, StoreError."""
        parsed = parse_spec(spec)
        return self.store.meta(parsed.name, resolve(self.store, parsed))

    def list(self, pattern: str | None = None) -> Sequence[ListedAsset]:
        """The assets whose names match a glob, or all, sorted. StoreError."""
        return self.store.list(lambda name: pattern is None or fnmatchcase(name, pattern))

    def fetch(
        self,
        spec: str,
        *,
        assets_dir: str | None = None,
        force: bool = False,
        reporter: Reporter | None = None,
    ) -> str:
        """Get a version, or a part of one, into `assets_dir`; returns its absolute path there.

        `spec` is NAME, NAME:1, NAME:1.2 or NAME:1.2[part]. `assets_dir` is MODELKIT_ASSETS_DIR by default; modelkit
        finds there what was fetched. What is there completely is not fetched again; `force` compares it with the store
        and gets what differs. NotFoundError, ChecksumError, …
        """
        folder = assets_dir or settings.assets_dir(self._environ)
        if folder is None:
            raise UsageError("no assets directory is named", hint="give one, or set `ASSETSYNC_ASSETS_DIR`")
        parsed = parse_spec(spec)
        there = None if force else fetched(parsed, self.versioning, folder)
        if there is not None:  # before the store is opened: that alone may take a second
            return there
        with Transfers() as transfers:
            return fetch(self.store, parsed, folder, transfers=transfers, reporter=reporter or Silent(), force=force)

    def plan_new(
        self,
        path: str | os.PathLike[str],
        *,
        name: str,
        version: str | None = None,
        reporter: Reporter | None = None,
    ) -> Plan:
        """What `new` would do. Sends only reads."""
        if version is not None:
            self._check_line(version)
        snapshot = self._snapshot(path, name, version, Options(), reporter)
        versions = History.of(snapshot.remote[name], self.versioning).versions
        if versions:
            raise InvalidError(
                f"`{name}` exists already; its newest version is `{versions[0]}`",
                hint=f"publish a further version with `assetsync update {os.fspath(path)} {name}`",
            )
        return plan_sync(snapshot)

    def plan_update(
        self,
        path: str | os.PathLike[str],
        *,
        name: str,
        version: str | None = None,
        bump_major: bool = False,
        force: bool = False,
        reporter: Reporter | None = None,
    ) -> Plan:
        """What `update` would do. Sends only reads."""
        options = Options(bump_major=frozenset({name} if bump_major else ()), force=frozenset({name} if force else ()))
        snapshot = self._snapshot(path, name, version, options, reporter)
        history = History.of(snapshot.remote[name], self.versioning)
        if not history.versions:
            raise NotFoundError(
                f"`{self.config.url}` has no asset `{name}`",
                hint=f"create it with `assetsync new {os.fspath(path)} {name}`",
            )
        if version is not None and version not in history.lines:
            self._check_line(version)
            known = ", ".join(f"`{line}`" for line in history.lines)
            raise InvalidError(
                f"`{name}` has no version line `{version}`; it has {known}", hint="open the next with `--bump-major`"
            )
        plan = plan_sync(snapshot, options)
        if any(isinstance(action, Adopt) and action.to != history.in_line(version)[0] for action in plan.actions):
            # Content of an older version: going back to it is a new version, not a lookup.
            plan = plan_sync(snapshot, replace(options, force=frozenset({name})))
        return plan

    def publish(self, plan: Plan, message: str | None = None, reporter: Reporter | None = None) -> str:
        """Carry out a plan of `plan_new` or `plan_update`; returns the version that the asset has then."""
        if plan.problems:
            problem = plan.problems[0]
            raise problem.error()
        (action,) = plan.actions
        if not isinstance(action, Keep | Adopt):
            (outcome,) = self._carry_out(action, message, reporter or Silent())
            if outcome.error is not None:
                raise outcome.error
        return action.to or ""

    def _carry_out(self, action: Action, message: str | None, reporter: Reporter) -> Sequence[Outcome]:
        with Transfers() as transfers:
            return Execution(
                site=self._site(action.asset, action.path, None),
                store=self.store,
                transfers=transfers,
                reporter=reporter,
                record=lambda action, entry: None,
                who=who(),
                provenance=Provenance(tool=f"assetsync {__version__}", message=message),
            ).carry_out([action])

    def _snapshot(
        self,
        path: str | os.PathLike[str],
        name: str,
        line: str | None,
        options: Options,
        reporter: Reporter | None,
    ) -> Snapshot:
        return gather(
            self._site(check_name(name), os.fspath(path), line),
            self.store,
            now=datetime.now(UTC),
            reporter=reporter or Silent(),
            options=options,
        )

    def _site(self, name: str, path: str, line: str | None) -> Site:
        """A manifest of one entry, relative to the current directory, without a lock: every version is looked at."""
        manifest = Manifest(self.config, self.versioning_name, (Entry(name, path, line),))
        folder = _state_folder(self._environ)
        return Site(
            os.getcwd(),
            manifest,
            None,
            self.versioning,
            self._cache,
            Journal(os.path.join(folder, "journal")),
            Markers(os.path.join(folder, "pulls")),
        )

    def _check_line(self, line: str) -> None:
        if not isinstance(self.versioning, Lines):
            raise UsageError(f"`{self.versioning_name}` versions have no lines, so `{line}` can't be one")
        try:
            self.versioning.check_line(line)
        except InvalidError as error:
            raise UsageError(error.message, hint="name a line, such as `1`; its next version is chosen") from None


def _state_folder(environ: Mapping[str, str]) -> str:
    """Where what protects interrupted publishes is kept, when there is no repo to keep it in."""
    from platformdirs import user_state_path

    return environ.get("ASSETSYNC_STATE_DIR") or str(user_state_path("assetsync"))


def _cache_file(environ: Mapping[str, str]) -> str:
    return os.path.join(_state_folder(environ), "cache.db")
