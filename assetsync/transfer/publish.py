"""Publishing one version: claim -> check -> data -> commit -> index. Safe to kill at every step.

A reader never sees half a version, because `.meta` comes last. Two publishers never mix bytes, because every object is
created only where none is, and a version is claimed before its first byte is sent. Running the same publish again goes
on where it stopped: objects that are there and right count as done, and so do the parts of large files.
"""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime

from assetsync.backends.contract import ProbedBackend
from assetsync.backends.probe import refuses_writes
from assetsync.errors import (
    ChangedError,
    ConflictError,
    ExistsError,
    NotFoundError,
    StoreError,
)
from assetsync.plan.snapshot import CLAIM_LIFETIME
from assetsync.pool import Transfers
from assetsync.progress import Progress
from assetsync.remote import documents, layout
from assetsync.remote.documents import Claim, Meta
from assetsync.remote.store import Store
from assetsync.state.journal import Journal
from assetsync.transfer.publication import Publication
from assetsync.transfer.sending import Sending

# A claim that is there and then is not belonged to someone who finished just then; that does not happen often in a row.
CLAIM_ATTEMPTS = 3


def probe(store: Store) -> None:
    """Before the first publish to a store of which it is unsure: does it honour preconditions? UnsupportedError."""
    backend = store.backend
    fact = f"probed {store.url}"
    if isinstance(backend, ProbedBackend) and backend.needs_probe and store.cache.fact(fact) is None:
        backend.probe()
        store.cache.remember(fact, "conditional writes work")


def publish(
    store: Store, what: Publication, *, transfers: Transfers, journal: Journal, who: str, progress: Progress
) -> None:
    """Publish one version, up to its index. The claim stays until `release`.

    ConflictError when someone else has the version; ContentError when a file changed meanwhile; StoreError.
    """
    began = time.time()
    went_on = _claim(store, what, journal, who)
    if not _committed(store, what, journal):
        _check_claim(store, what)
        group = transfers.group()
        present = store.sizes(what.name, what.version, what.tree) if went_on else {}
        Sending(store, what, group, journal, progress, present).send()
        group.wait()
        if _still_claimed(store, what, journal, who, began):
            _commit(store, what)
            # modelkit looks whether a version exists, and then writes without a condition: maybe just now, over ours.
            if not _committed(store, what, journal):
                raise ConflictError(f"`{what}` was removed from `{store.url}` at once", hint="plan again")
    store.indexes.add(what.name, what.version)


def release(store: Store, name: str, version: str, journal: Journal) -> None:
    """Delete the claim of a version that is committed and indexed. A store that refuses to delete is fine."""
    try:
        store.backend.delete(layout.claim_key(name, version))
    except StoreError:
        pass  # the claim on a version that exists hinders nobody
    journal.drop_claims(store.url, f"{name}:{version}")


def _claim(store: Store, what: Publication, journal: Journal, who: str) -> bool:
    """Claim the version, or join a publish of the same content. Returns whether it joined one. ConflictError."""
    claim = _new_claim(what, who)
    journal.add_claim(claim.id, store.url, str(what))
    found = _create_claim(store, what, claim, journal)
    if found is None:
        return False
    other, age = found
    if other.id == claim.id:  # the reply to our own create got lost
        return False
    if _claims(other, what):
        if age < CLAIM_LIFETIME:
            journal.drop_claim(claim.id)
        return True
    journal.drop_claim(claim.id)
    if age < CLAIM_LIFETIME and other.id not in journal.claims():
        raise ConflictError(
            f"`{what}` is being published by {other.who}, since {other.when}",
            hint="wait for it and plan again; if that process is dead, its number is skipped after an hour",
        )
    raise ConflictError(
        f"`{what}` is occupied by an unfinished publish of other content by {other.who}",
        hint="plan again: the next number is taken",
    )


def _new_claim(what: Publication, who: str) -> Claim:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Claim(uuid.uuid4().hex, what.tree.digest, what.tree.is_directory, who, now)


def _claims(claim: Claim, what: Publication) -> bool:
    """Whether a claim is on the content that is being published."""
    return (claim.digest, claim.is_directory) == (what.tree.digest, what.tree.is_directory)


def _create_claim(store: Store, what: Publication, claim: Claim, journal: Journal) -> tuple[Claim, float] | None:
    """Create the claim. Returns None, or the claim that is in the way and its age in seconds. ConflictError.

    An old one of the same content is replaced, so that it is no longer old: `doctor` may be about to clear it.
    """
    for _ in range(CLAIM_ATTEMPTS):
        try:
            store.backend.create(layout.claim_key(what.name, what.version), documents.render_claim(claim))
        except ExistsError:
            found = store.claim(what.name, what.version)
            if found is None:  # its owner finished in between
                if _committed(store, what, journal):
                    return None  # the same content: nothing is left to claim
                continue
            other, age = found
            if age < CLAIM_LIFETIME or not _claims(other, what) or _renewed(store, what, claim):
                return found
        else:
            return None
    raise _taken(what)


def _renewed(store: Store, what: Publication, claim: Claim) -> bool:
    """Whether `claim` could take the place of one on the same content.

    `doctor` puts its own there in the same way, before it clears: of the two, one finds that it comes too late.
    """
    found = store.tagged_claim(what.name, what.version)
    if found is None or not _claims(found[0], what):
        return False
    try:
        store.backend.replace(layout.claim_key(what.name, what.version), documents.render_claim(claim), found[1])
    except ChangedError:
        return False
    return True


def _check_claim(store: Store, what: Publication) -> None:
    """Where the store ignores conditions, two may have found no claim, and written theirs one over the other.

    Only the one whose claim is there goes on. ConflictError.
    """
    if not refuses_writes(store.backend):
        found = store.tagged_claim(what.name, what.version)
        if found is None or not _claims(found[0], what):
            raise _taken(what)


def _still_claimed(store: Store, what: Publication, journal: Journal, who: str, began: float) -> bool:
    """Whether the claim still holds, right before the commit. False when another process has committed the same.

    `doctor` clears claims that look dead. When it was wrong about this one, there is none, or one of its own, and the
    publish ends with a ConflictError. A publish that `began` so long ago that its claim may look dead renews it.
    """
    found = store.tagged_claim(what.name, what.version)
    if found is not None and _claims(found[0], what):
        # The clock is read after the claim: the machine may have slept in between.
        if time.time() - began < CLAIM_LIFETIME:
            return True
        claim = _new_claim(what, who)
        journal.add_claim(claim.id, store.url, str(what))
        if any(_renewed(store, what, claim) for _ in range(CLAIM_ATTEMPTS)):  # another of the same content may do so
            return True
    if _committed(store, what, journal):
        return False
    raise ConflictError(
        f"the claim on `{what}` was cleared while it was being published",
        hint="plan again, and publish anew; `assetsync doctor --repair` may have taken it for dead",
    )


def _committed(store: Store, what: Publication, journal: Journal) -> bool:
    """Whether the version exists with this content. ConflictError when it exists with another."""
    try:
        meta = store.meta(what.name, what.version)
    except NotFoundError:
        return False
    if meta.tree is not None and meta.tree.content.same_as(what.tree.content):
        return True
    release(store, what.name, what.version, journal)
    raise _taken(what)


def _taken(what: Publication) -> ConflictError:
    return ConflictError(f"`{what}` was published by someone else meanwhile", hint="plan again")


def _commit(store: Store, what: Publication) -> None:
    meta = what.record or Meta(
        push_date=datetime.now(UTC).isoformat(),
        is_directory=what.tree.is_directory,
        paths=tuple(file.path for file in what.tree.files),
        tree=what.tree,
        provenance=what.provenance,
        description=what.description,
        owner=what.owner,
        tags=what.tags,
    )
    try:
        store.backend.create(layout.meta_key(what.name, what.version), documents.render_meta(meta))
    except ExistsError:
        return  # whose it is, the look at it will show
