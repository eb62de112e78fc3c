"""Typed configurations: dataclasses, overlaid by YAML files and ``key=value`` words from the command line."""

from __future__ import annotations

import dataclasses
import difflib
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from meshrec.errors import AssetNotFound, InvalidInput

Config = TypeVar("Config")


def load_config(schema: type[Config], path: str | Path, overrides: list[str] | tuple[str, ...] = ()) -> Config:
    """Read a YAML file over a dataclass's defaults.

    Args:
        schema: the dataclass that says which keys exist, of which type.
        path: YAML file; a key ``base`` names another file, relative to this one, that it builds upon.
        overrides: words such as ``stages.0.steps=100``, applied last.
    Raises:
        AssetNotFound: no such file.
        InvalidInput: not YAML, an unknown key (the nearest known one is named), or a value of the wrong type.
    """
    return build_config(schema, _read_values(path, overrides), where=str(path))


def load_one_of(
    schemas: Mapping[str, type[Config]], key: str, path: str | Path, overrides: Sequence[str] = ()
) -> Config:
    """`load_config` for a file that says under ``key`` which dataclass it fills; without it, the first one.

    Raises:
        InvalidInput: as for `load_config`, or there is no such dataclass.
    """
    values = _read_values(path, overrides)
    name = values.get(key, next(iter(schemas)))
    if not isinstance(name, str) or name not in schemas:
        raise InvalidInput(f"{path}: {key} must be one of {', '.join(schemas)}, got {name!r}.")
    return build_config(schemas[name], values, where=str(path))


def build_config(schema: type[Config], values: dict[str, Any], where: str = "the configuration") -> Config:
    """Fill a dataclass, and those nested in it, from plain values, checking names and types."""
    return _convert(schema, values, where, "")


def config_to_yaml(config: Any) -> str:
    """The whole configuration as YAML, with every default written out."""
    from omegaconf import OmegaConf

    return OmegaConf.to_yaml(OmegaConf.create(dataclasses.asdict(config)))


def _read_values(path: str | Path, overrides: Sequence[str]) -> dict[str, Any]:
    """A file, and those that it builds upon, with the overrides applied."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        values = OmegaConf.merge(_read_yaml(Path(path)), OmegaConf.create({}))
        for word in overrides:
            key, equals, value = word.partition("=")
            if not equals:
                raise InvalidInput(f"{word!r} is not an override: write key=value, for example seed=1.")
            _check_override_path(values, key, word)
            OmegaConf.update(values, key, _override_value(value, word))
        return OmegaConf.to_container(values, resolve=True)
    except OmegaConfBaseException as error:
        raise InvalidInput(f"{path}: {str(error).splitlines()[0]}.") from error


def _read_yaml(path: Path):
    from omegaconf import OmegaConf
    from yaml import YAMLError

    if not path.is_file():
        raise AssetNotFound(f"There is no configuration {path}; the shipped ones are in configs/.")
    try:
        values = OmegaConf.load(path)
    except (YAMLError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is not YAML: {' '.join(str(error).split())}.") from error
    if not OmegaConf.is_dict(values):
        raise InvalidInput(f"{path} must hold keys and values, got {type(values).__name__}.")
    base = values.pop("base", None)
    return values if base is None else OmegaConf.merge(_read_yaml(path.parent / base), values)


def _override_value(text: str, word: str) -> Any:
    from omegaconf import OmegaConf
    from yaml import YAMLError

    try:
        return OmegaConf.create(f"x: {text}").x
    except YAMLError as error:
        raise InvalidInput(f"The value of {word!r} is not YAML: {' '.join(str(error).split())}.") from error


def _check_override_path(values, key: str, word: str) -> None:
    """Lists only take indices that they have; OmegaConf would otherwise grow or replace them."""
    from omegaconf import OmegaConf

    node = values
    for step in key.split(".")[:-1]:
        if OmegaConf.is_list(node) and not (step.isdigit() and int(step) < len(node)):
            raise InvalidInput(f"{word!r}: {step!r} is no entry of a list of {len(node)}; count from 0.")
        node = node[int(step)] if OmegaConf.is_list(node) else node.get(step)
        if not OmegaConf.is_config(node):
            return


def _convert(kind: Any, value: Any, where: str, key: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return _convert_dataclass(kind, value, where, key)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if type(None) in arguments:
        rest = [argument for argument in arguments if argument is not type(None)]
        return None if value is None else _convert(rest[0], value, where, key)
    if origin is dict and isinstance(value, dict):
        return {name: _convert(arguments[1], entry, where, f"{key}.{name}") for name, entry in value.items()}
    if origin in (list, tuple) and isinstance(value, (list, tuple)):
        entries = [_convert(arguments[0], entry, where, f"{key}.{number}") for number, entry in enumerate(value)]
        if origin is tuple and Ellipsis not in arguments and len(entries) != len(arguments):
            raise InvalidInput(f"{where}: {key} needs {len(arguments)} values, got {len(entries)}.")
        return origin(entries)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if (
        origin is None
        and isinstance(kind, type)
        and isinstance(value, kind)
        and not (kind is int and isinstance(value, bool))
    ):
        return value
    raise InvalidInput(f"{where}: {key} must be {getattr(kind, '__name__', kind)}, got {value!r}.")


def _convert_dataclass(kind: Any, value: Any, where: str, key: str) -> Any:
    prefix = f"{key}." if key else ""
    if not isinstance(value, dict):
        raise InvalidInput(f"{where}: {key} must hold keys and values, got {value!r}.")
    hints = typing.get_type_hints(kind)
    known = [field.name for field in dataclasses.fields(kind) if field.init]
    for name in value:
        if name not in known:
            nearest = difflib.get_close_matches(str(name), known, n=1, cutoff=0.0)
            raise InvalidInput(f"{where}: unknown key {prefix}{name}; the nearest is {prefix}{nearest[0]}.")
    try:
        return kind(**{name: _convert(hints[name], entry, where, prefix + name) for name, entry in value.items()})
    except (TypeError, ValueError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"{where}: {key or 'the file'} is incomplete or contradictory: {error}.") from error
