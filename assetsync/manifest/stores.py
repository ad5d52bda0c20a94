"""`store` and `stores` of assets.yaml: where the assets live, under which names and with which settings."""

from __future__ import annotations

import re

from msgspec.structs import replace

from assetsync.errors import InvalidError
from assetsync.escape import brief
from assetsync.manifest.fields import Fields, with_hint
from assetsync.manifest.nodes import Mapping, Node, Scalar
from assetsync.manifest.store_url import check_endpoint, check_store_url, is_store_name
from assetsync.model.manifest import StoreConfig
from assetsync.suggest import did_you_mean

_STORE_KEYS = (
    "url",
    "endpoint",
    "region",
    "kms_key_id",
    "conditional_writes",
    "price_per_gb_month",
    "storage_class",
    "object_tags",
)
MAX_STORES = 100
MAX_OBJECT_TAGS = 10  # of S3 and Azure, for one object
_PRICE = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
# S3, Google and Azure all take these.
_CLASS = r"[A-Za-z][A-Za-z0-9_-]{0,39}"
_TAG_NAME = r"[A-Za-z0-9 +./:=_-]{1,128}"
_TAG_VALUE = r"[A-Za-z0-9 +./:=_-]{0,256}"
_IN_MANIFEST = "assets.yaml"


class StoreFields(Fields):
    """Reads `store` and `stores`."""

    def stores(self, node: Node | None) -> tuple[StoreConfig, ...]:
        """The stores that have names, in the order of the file."""
        if node is None:
            return ()
        if not isinstance(node, Mapping) or not node.pairs:
            self._problem(node, "`stores` must be a mapping of names to stores, such as `stores: {prod: s3://BUCKET}`")
            return ()
        if len(node.pairs) > MAX_STORES:
            self._problem(node, f"`stores` has more than {MAX_STORES} items")
            return ()
        places: dict[str, str] = {}
        found = []
        for name, (key, _) in node.pairs.items():
            if not is_store_name(name):
                self._problem(
                    key, f"`{brief(name)}` can't name a store: a name is lower-case letters, digits and, inside, `-`"
                )
            config = replace(self._store(node, name), name=name)
            if config.url and config.url in places:
                self._problem(key, f"`{brief(name)}` is the same store as `{places[config.url]}`")
            places.setdefault(config.url, name)
            found.append(config)
        return tuple(found)

    def default_store(self, root: Mapping, stores: tuple[StoreConfig, ...]) -> StoreConfig:
        """The store that `store` names, or is."""
        node = root.get("store")
        name = node.text if isinstance(node, Scalar) and node.is_string else ""
        if not is_store_name(name):
            return self._store(root, "store")
        for config in stores:
            if config.name == name:
                return config
        known = [config.name or "" for config in stores]
        listed = did_you_mean(name, known) or "`stores` has " + ", ".join(f"`{one}`" for one in known)
        self._problem(
            node,
            f"`{name}` is not among `stores`; {listed}"
            if stores
            else f"`{name}` is neither a URL, nor a directory that begins with `./` or `/`, nor is there a `stores`"
            " that names one so",
        )
        return StoreConfig("")

    def _store(self, mapping: Mapping, name: str) -> StoreConfig:
        """The store under a key of `mapping`: a URL, or a mapping with its settings."""
        node = mapping.get(name)
        if not isinstance(node, Mapping):
            return StoreConfig(self._store_url(mapping, name), origins={"url": _IN_MANIFEST})
        self._check_keys(node, _STORE_KEYS, of_store=True)
        if "url" not in node.pairs:
            self._problem(node, f"`{brief(name)}` needs a `url`")
        return StoreConfig(
            self._store_url(node, "url"),
            endpoint=self._endpoint(node),
            region=self._string(node, "region"),
            kms_key_id=self._string(node, "kms_key_id"),
            conditional_writes=self._boolean(node, "conditional_writes", default=True),
            price_per_gb_month=self._price(node),
            storage_class=self._storage_class(node),
            object_tags=self._object_tags(node.get("object_tags")),
            origins=dict.fromkeys(node.pairs, _IN_MANIFEST),
        )

    def _storage_class(self, mapping: Mapping) -> str | None:
        text = self._string(mapping, "storage_class")
        if text is not None and not re.fullmatch(_CLASS, text):
            self._problem(mapping.get("storage_class"), "`storage_class` must be a word such as `STANDARD_IA`")
            return None
        return text

    def _object_tags(self, node: Node | None) -> tuple[tuple[str, str], ...]:
        if node is None:
            return ()
        if not isinstance(node, Mapping):
            self._problem(node, "`object_tags` must be a mapping of strings, such as `object_tags: {team: nlp}`")
            return ()
        if len(node.pairs) > MAX_OBJECT_TAGS:
            self._problem(node, f"`object_tags` has more than {MAX_OBJECT_TAGS} items, which no store takes")
        found = []
        for name, (key, value) in node.pairs.items():
            text = self._string(node, name) or ""
            if not re.fullmatch(_TAG_NAME, name) or name.lower().startswith("aws:"):
                self._problem(key, f"`{brief(name)}` can't name a tag of objects")
            elif text and not re.fullmatch(_TAG_VALUE, text):
                self._problem(value, f"`{brief(text)}` can't be the value of a tag of objects")
            found.append((name, text))
        return tuple(found)

    def _store_url(self, mapping: Mapping, name: str) -> str:
        url = self._string(mapping, name)
        try:
            return check_store_url(url) if url is not None else ""
        except InvalidError as error:
            self._problem(mapping.get(name), with_hint(error))
            return ""

    def _endpoint(self, mapping: Mapping) -> str | None:
        endpoint = self._string(mapping, "endpoint")
        try:
            return check_endpoint(endpoint) if endpoint is not None else None
        except InvalidError as error:
            self._problem(mapping.get("endpoint"), with_hint(error))
            return None

    def _price(self, mapping: Mapping) -> float | None:
        node = mapping.get("price_per_gb_month")
        if node is None:
            return None
        if not isinstance(node, Scalar) or not node.plain or not re.fullmatch(_PRICE, node.text):
            self._problem(node, "`price_per_gb_month` must be a number, such as `0.023`")
            return None
        return float(node.text)
