"""Ids: canonical JSON, SHA-256 digests, and which part of a spec an id covers.

An id covers kinds, versions, and the fields that differ from their defaults. So a new field whose default changes nothing leaves every
old id as it was.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from epicycle.spec.base import Part, Spec, kind_of
from epicycle.spec.fields import role_of
from epicycle.spec.plain_data import Plain


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, no spaces, and the shortest floats that read back exactly. NaN and infinity are refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any, length: int = 16) -> str:
    """The first `length` hex digits of the SHA-256 of the canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:length]


def identity(value: Any) -> Any:
    """What an id covers of a spec: kind, version, and the fields that differ from their defaults. Budgets are left out."""
    if isinstance(value, Spec):
        named: Plain = {"version": type(value).version}
        if isinstance(value, Part):
            named["kind"] = kind_of(type(value))
        for name, field in type(value).model_fields.items():
            entry = getattr(value, name)
            if role_of(field) == "budget":
                continue
            if isinstance(entry, Spec) or entry != field.get_default(call_default_factory=True, validated_data={}):
                named[name] = identity(entry)
        return named
    if isinstance(value, tuple | list):
        return [identity(entry) for entry in value]
    if isinstance(value, Mapping):
        return {str(name): identity(entry) for name, entry in value.items()}
    return value
