"""Reads YAML so that a mistake can be named with its line; duplicate keys are refused."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import yaml

from modelscout.core.errors import ConfigurationError


class _CarefulLoader(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML would keep the last, and a day that does not exist."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice: keep one of them", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)

    def construct_yaml_timestamp(self, node: yaml.ScalarNode) -> Any:
        """Like YAML's own, but a day that does not exist is refused with its line."""
        try:
            return super().construct_yaml_timestamp(node)
        except ValueError as error:
            raise yaml.constructor.ConstructorError(
                None, None, f"{node.value} is no date ({error}): correct it", node.start_mark
            ) from error


_CarefulLoader.add_constructor("tag:yaml.org,2002:timestamp", _CarefulLoader.construct_yaml_timestamp)


def read_yaml(path: Path) -> Any:
    """Parse one file. Raises ConfigurationError with file, line and remedy where it is not valid YAML."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read as UTF-8 text ({error}): mend the file") from error
    try:
        return yaml.load(text, Loader=_CarefulLoader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigurationError(
            f"{path}, line {line}: not valid YAML: {error.problem}; mend the indentation, the colon or the quotes there"
        ) from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigurationError(f"{path}: not valid YAML: {error}") from error


def line_of(path: Path, location: Sequence[str | int]) -> int:
    """Line, from 1, of the deepest node on the way to `location`."""
    node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    line = 1
    for step in location:
        line, node = _descend(node, step, line)
        if node is None:
            break
    return line


def _descend(node: yaml.Node | None, step: str | int, line: int) -> tuple[int, yaml.Node | None]:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        child = node.value[step]
        return child.start_mark.line + 1, child
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            if key_node.value == str(step):
                return key_node.start_mark.line + 1, value_node
    return line, None
