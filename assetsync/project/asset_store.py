"""A store without a repo around it: publish by hand, look, fetch, as `modelkit assets` and its Python class do.

::

    with AssetStore("s3://my-bucket/modelkit-assets") as store:
        version = store.update("out/model.bin", name="nlp/sentiment", message="retrained on May data")
        path = store.fetch("nlp/sentiment:1", assets_dir="/srv/assets")

Nothing here prints or asks. Work is reported through a `Reporter`, errors come from `assetsync.errors`.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from assetsync.errors import UsageError
from assetsync.manifest import settings
from assetsync.model.files import LOCK, MANIFEST
from assetsync.model.guards import Guards
from assetsync.model.manifest import StoreConfig
from assetsync.model.marks import Marks
from assetsync.model.names import Spec, parse_spec
from assetsync.model.provenance import Provenance
from assetsync.model.versioning import Versioning
from assetsync.plan.plan import Plan
from assetsync.progress import Reporter, Silent
from assetsync.project import browse, marking, numbering, yanking
from assetsync.project.browse import Difference
from assetsync.project.direct import DirectPublishing, Path
from assetsync.project.fetching import Fetching, FetchResult, Wanted
from assetsync.project.home import Home
from assetsync.project.naming import chosen, is_many, specs_in
from assetsync.project.yanking import Yanked
from assetsync.remote.documents import Logged, Meta
from assetsync.remote.store import ListedAsset, Store
from assetsync.traffic import UNLIMITED, Traffic
from assetsync.transfer.fetch import fetched

if TYPE_CHECKING:
    from assetsync.project.adopt import Adoption
    from assetsync.project.matching import Search
    from assetsync.project.promote import Promotable, Promoting, PromotionResult


class AssetStore:
    """One store. A context manager that closes what it opened.

    `url` is `s3://…`, `gs://…`, `az://…` or a directory, or the name of one of `stores` in the assets.yaml at
    `manifest_file`. Without it, ASSETSYNC_STORE, that assets.yaml and modelkit's variables are asked, in this order.
    Relative paths are relative to `directory`. Settings that are not given come from `environ`, the process's
    environment by default. `traffic` limits what is asked, sent and got. UsageError, InvalidError.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        directory: Path = ".",
        manifest_file: Path | None = None,
        versioning: str | None = None,
        environ: Mapping[str, str] | None = None,
        traffic: Traffic = UNLIMITED,
    ) -> None:
        self._home = Home.of(
            url,
            os.path.abspath(directory),
            None if manifest_file is None else os.fspath(manifest_file),
            os.environ if environ is None else environ,
        )
        self._workspace = self._home.workspace(versioning, traffic)
        self._direct = DirectPublishing(self._workspace, self._home)

    def __enter__(self) -> AssetStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the cache, the connections, and what was downloaded to be published."""
        self._direct.close()
        self._workspace.close()

    @property
    def url(self) -> str:
        """The store's URL, as it was given."""
        return self._workspace.config.url

    @property
    def config(self) -> StoreConfig:
        """The store with its settings, and where they come from."""
        return self._workspace.config

    @property
    def versioning_name(self) -> str:
        """The name of the versioning system in settings."""
        return self._workspace.versioning_name

    @property
    def versioning(self) -> Versioning:
        """The versioning system of the assets."""
        return self._workspace.versioning

    @property
    def guards(self) -> Guards:
        """The guards of the assets.yaml that the folder belongs to. ManifestError."""
        return self._direct.guarding.guards

    @property
    def store(self) -> Store:
        """The remote layout under this store, opened at first use. UsageError, DeniedError."""
        return self._workspace.store

    def new(
        self,
        path: Path,
        *,
        name: str,
        version: str | None = None,
        message: str | None = None,
        reporter: Reporter | None = None,
    ) -> str:
        """Publish `path` as the first version of a new asset; returns that version.

        `path` is a file, a directory, or the `s3://`, `gs://` or `az://` URL of an object or a prefix. `version` is
        the first version (`2.3`), or the line to start at (`1` for `1.0`). TakenError when the asset exists;
        ContentError, StoreError, ConflictError.
        """
        plan = self.plan_new(path, name=name, version=version, reporter=reporter)
        return self.publish(plan, message=message, reporter=reporter)

    def update(
        self,
        path: Path,
        *,
        name: str,
        version: str | None = None,
        bump_major: bool = False,
        force: bool = False,
        message: str | None = None,
        reporter: Reporter | None = None,
    ) -> str:
        """Publish `path` as the next version of an asset; returns that version, or the newest when it has this content.

        `path` is as in `new`. `version` is the line to go on with (`1` for the next `1.x`), the newest by default, or
        the very version to publish, also of unchanged content; TakenError when that exists with other content.
        `bump_major` opens the next line; `force` publishes unchanged content too. NotFoundError when there is no such
        asset; InvalidError, ContentError, StoreError, ConflictError.
        """
        plan = self.plan_update(path, name=name, version=version, bump_major=bump_major, force=force, reporter=reporter)
        return self.publish(plan, message=message, reporter=reporter)

    def versions(self, name: str) -> Sequence[str]:
        """The versions of an asset, newest first. NotFoundError, StoreError, DamagedError."""
        return list(browse.index_of(self.store, name).listed)

    def initial_version(self) -> str:
        """The version that a new asset gets when nobody names one: `0.0`, or the time in UTC."""
        return numbering.initial_version(self.versioning)

    def next_version(self, name: str, *, bump_major: bool = False, major: str | None = None) -> str:
        """The version that an update of `name` would get now: the next of the newest line, or of the line `major`, or
        the first of a new line with `bump_major`. Numbers that unfinished publishes occupy are left out.

        Somebody else may publish it before you do: `update` without a version cannot lose that race. NotFoundError,
        UsageError, InvalidError, StoreError, DamagedError.
        """
        return numbering.next_version(self.store, name, bump_major=bump_major, major=major)

    def meta(self, spec: str) -> Meta:
        """The `.meta` of a version: files, sizes, digests, provenance. NotFoundError, InvalidError, StoreError."""
        return browse.meta_of(self.store, self.resolve(spec))

    def resolve(self, spec: str) -> Spec:
        """`spec` with the complete version that it stands for. NotFoundError, InvalidError, StoreError."""
        return browse.resolved(self.store, spec)

    def matching(self, specs: Collection[str]) -> Sequence[Spec]:
        """`specs`, each once, with what a pattern such as `nlp/*`, `nlp/*:1` or `*@production` stands for: of each
        asset that matches and has such a version, the newest one. Others stay as they are.

        A pattern takes one listing. NotFoundError for one that nothing matches; InvalidError, StoreError.
        """
        return specs_in(self.store, specs) if any(map(is_many, specs)) else [*map(parse_spec, dict.fromkeys(specs))]

    def log(self, name: str, *, limit: int | None = None) -> Sequence[Logged]:
        """The newest `limit` versions of an asset, or all, newest first; one request each, many at once. `NAME@ALIAS`
        begins with the version that the alias is at.

        An error in reading a single version is part of the result. Versions of another versioning system stand at the
        end. NotFoundError, StoreError, DamagedError.
        """
        return browse.log(self._workspace, name, limit)

    def diff(self, old: str, new: str, *, reporter: Reporter | None = None) -> Difference:
        """The changes from one version to another, or between a version and a local path.

        An argument that begins with `./`, `../` or `/` is a path, and so is one that names no version and exists here.
        A version that modelkit made is read, because it has no checksums. NotFoundError, InvalidError, ContentError,
        StoreError.
        """
        return browse.diff(self._workspace, old, new, reporter or Silent())

    def marks(self, name: str) -> Marks:
        """The aliases of an asset, with their moves, and its yanked versions.

        NotFoundError, StoreError, DamagedError.
        """
        return marking.marks_of(self.store, name)

    def move_alias(self, name: str, alias: str, version: str, *, message: str | None = None) -> str:
        """Move an alias, which need not exist yet; returns the complete version that it is at then.

        `version` is a version, a line, or `@` with another alias. The move is kept with who, when, from which commit
        and `message`. NotFoundError, InvalidError; ConflictError for a yanked version; StoreError, DamagedError.
        """
        return marking.move(self._workspace, name, alias, version, message)

    def roll_back_alias(self, name: str, alias: str, *, message: str | None = None) -> str:
        """Move an alias to where it was before, and again, one further back; returns that version.

        ConflictError when somebody else moved it just now, or when that version was yanked; NotFoundError, StoreError,
        DamagedError.
        """
        return marking.roll_back(self._workspace, name, alias, message)

    def remove_alias(self, name: str, alias: str, *, message: str | None = None) -> None:
        """Take an alias away; its history stays. NotFoundError, StoreError, DamagedError."""
        marking.remove(self._workspace, name, alias, message)

    def yank(
        self, spec: str, *, message: str, republish: str | None = None, reporter: Reporter | None = None
    ) -> Yanked:
        """Mark the version NAME:VERSION as bad, for the reason `message`: nothing resolves to it any more, and who pins
        it still gets it. Again, it finishes one that was cut short.

        `republish` is an older version whose content the store publishes as the next one first, which the newest of a
        line needs. ConflictError for that without it, and while an alias is at the version; NotFoundError, UsageError,
        StoreError, DamagedError.
        """
        return yanking.yank(self._workspace, spec, message, republish, reporter or Silent())

    def check_yank(self, spec: str, *, republish: str | None = None, undo: bool = False) -> None:
        """Raise what `yank` would be refused for, or with `undo` what `undo_yank` would be. Sends only reads."""
        if undo:
            yanking.check_undo(self._workspace, spec)
        else:
            yanking.check(self._workspace, spec, republish)

    def undo_yank(self, spec: str, *, message: str | None = None) -> Yanked:
        """Take back the yank of the version NAME:VERSION. NotFoundError, UsageError, StoreError, DamagedError."""
        return yanking.undo(self._workspace, spec, message)

    def list(self, pattern: str | None = None) -> Sequence[ListedAsset]:
        """The assets whose names match a glob, or all, sorted. StoreError."""
        return self.store.list(lambda name: pattern is None or fnmatchcase(name, pattern))

    def newest_metas(self, assets: Collection[ListedAsset]) -> Mapping[str, Meta]:
        """The `.meta` of the newest version of each asset, where that can be read. One request each."""
        return browse.newest_metas(self.store, assets)

    def histories(self, assets: Sequence[ListedAsset]) -> Iterator[tuple[ListedAsset, Sequence[Logged]]]:
        """Each asset with its versions, newest first; one request for each version, many at once.

        An error in reading a single version is part of the result. StoreError.
        """
        return browse.histories(self.store, assets)

    def locked(self) -> Mapping[str, str]:
        """The version of each asset in the assets.lock beside the manifest; empty without one, or with that of another
        store. LockError."""
        return self._home.locked()

    def fetch(
        self,
        spec: str,
        *,
        assets_dir: Path | None = None,
        force: bool = False,
        reporter: Reporter | None = None,
    ) -> str:
        """Get a version, or a part of one, into `assets_dir`; returns its absolute path there.

        `spec` is NAME, NAME:1, NAME:1.2, NAME@ALIAS or NAME:1.2[part]. `assets_dir` is ASSETSYNC_ASSETS_DIR or
        MODELKIT_ASSETS_DIR by default; modelkit finds there what was fetched. A version that is there completely is not
        fetched again; `force` compares it with the store and gets what differs. UsageError without an assets directory;
        NotFoundError, InvalidError, ChecksumError, DamagedError, ContentError, StoreError; AssetsyncError for what the
        system refuses.
        """
        result = self.fetch_all([spec], assets_dir=assets_dir, force=force, reporter=reporter)
        if result.error is not None:
            raise result.error
        return result.paths[0]

    def fetch_all(
        self,
        specs: Sequence[str],
        *,
        assets_dir: Path | None = None,
        force: bool = False,
        reporter: Reporter | None = None,
    ) -> FetchResult:
        """`fetch` for many specs at once, patterns among them as in `matching`: only what is missing, with one total of
        bytes for the reporter.

        Errors of single specs are in the result, and its `error` says what they amount to. UsageError, InvalidError for
        a spec that is none; NotFoundError, StoreError for a pattern.
        """
        return self._fetch([*map(Wanted, self.matching(specs))], assets_dir, force, reporter)

    def fetch_locked(
        self,
        names: Sequence[str] = (),
        *,
        assets_dir: Path | None = None,
        force: bool = False,
        reporter: Reporter | None = None,
    ) -> FetchResult:
        """`fetch_all` for the versions in the assets.lock beside the manifest: of the assets called `names`, or of all.

        A version must be as the lock says. UsageError, NoFileError; LockError, also for the lock of another store.
        """
        lock = self._home.lock()
        names = chosen(names, lock.assets, LOCK)
        wanted = [
            Wanted(Spec(name, entry.version), entry.content)
            for name, entry in lock.assets.items()
            if not names or name in names
        ]
        return self._fetch(wanted, assets_dir, force, reporter)

    def _fetch(
        self, wanted: Sequence[Wanted], assets_dir: Path | None, force: bool, reporter: Reporter | None
    ) -> FetchResult:
        given = assets_dir or settings.assets_dir(self._workspace.environ)
        if given is None:
            raise UsageError(
                "no assets directory is named", hint="give `--assets-dir DIR`, or set `ASSETSYNC_ASSETS_DIR`"
            )
        folder = os.path.join(self._workspace.root, given)
        # Opening the store alone may take a second, so first a look at what is here.
        fetching = Fetching(lambda: self.store, folder, force, reporter or Silent(), self._workspace.traffic)
        return fetching.run(wanted, lambda spec: fetched(spec, self.versioning, folder))

    def find_local(self, search: Search | None = None, *, reporter: Reporter | None = None) -> Adoption:
        """Which local files are which version, and what `adopt` would write of that. Sends only reads.

        The project is that of the manifest, or else a new one in `directory`. StoreError, ManifestError, UsageError.
        """
        from assetsync.project.adopt import find
        from assetsync.project.matching import Search

        path = self._home.manifest_file or self._home.path(MANIFEST)
        return find(self._workspace, path, search or Search(), reporter or Silent())

    def adopt(self, adoption: Adoption) -> None:
        """Write assets.yaml and assets.lock as `find_local` found them; the store is not touched.

        ConflictError when one of them changed meanwhile; InvalidError, ManifestError, OSError.
        """
        from assetsync.project.adopt import write

        write(adoption, self.url, self._workspace.environ)

    @contextmanager
    def promoting(self, *, to: str) -> Iterator[Promoting]:
        """Promotion from this store to the one at the URL `to`: `plan`, look, and `carry_out`.

        UsageError, InvalidError, DeniedError.
        """
        from assetsync.project.promote import promoting_between

        target = settings.overridden(settings.at(to, "--to"), self._workspace.environ)
        with promoting_between(self._workspace, self.config, target, self._direct.guarding) as found:
            yield found

    def promotable(self, specs: Sequence[str], source: Store) -> Sequence[Promotable]:
        """The versions of `source` that `specs` stand for, as in `fetch`. NotFoundError, InvalidError, UsageError."""
        from assetsync.project.promote import exact

        return list(dict.fromkeys(exact(source, spec) for spec in specs_in(source, specs)))

    def promote(
        self,
        *specs: str,
        to: str,
        expect: str | None = None,
        message: str | None = None,
        reporter: Reporter | None = None,
    ) -> PromotionResult:
        """Bring versions into the store at the URL `to`, with the same numbers. A spec is NAME for the newest version,
        NAME:1, NAME:1.2 or NAME@ALIAS.

        With `expect`, ConflictError unless the plan has this fingerprint. ConflictError too where the target has
        another content under a number, or a version is yanked; errors of single versions are in the result.
        UsageError, NotFoundError, InvalidError, StoreError.
        """
        told = reporter or Silent()
        with self.promoting(to=to) as promoting:
            plan = promoting.plan(self.promotable(specs, promoting.source), told)
            plan.check_expected(expect)
            return promoting.carry_out(plan, provenance=self.provenance(message), reporter=told)

    def provenance(self, message: str | None = None) -> Provenance:
        """Who works here, and from which commit, with the reason for what is done. Asks git."""
        return self._workspace.provenance(message)

    def plan_new(
        self,
        path: Path,
        *,
        name: str,
        version: str | None = None,
        reporter: Reporter | None = None,
    ) -> Plan:
        """Plan `new`. It writes nothing to the store; objects at a URL are downloaded, to learn what they are."""
        return self._direct.plan_new(path, name=name, version=version, reporter=reporter or Silent())

    def plan_update(
        self,
        path: Path,
        *,
        name: str,
        version: str | None = None,
        bump_major: bool = False,
        force: bool = False,
        reporter: Reporter | None = None,
    ) -> Plan:
        """Plan `update`. It writes nothing to the store; objects at a URL are downloaded, to learn what they are."""
        return self._direct.plan_update(
            path, name=name, version=version, bump_major=bump_major, force=force, reporter=reporter or Silent()
        )

    def publish(self, plan: Plan, *, message: str | None = None, reporter: Reporter | None = None) -> str:
        """Carry out a plan of `plan_new` or `plan_update`; returns the version that has this content then.

        The problem of the plan, if it has one, is raised: ConflictError, InvalidError.
        """
        return self._direct.publish(plan, message=message, reporter=reporter or Silent())
