"""The import contracts must cover every module that calls itself pure, or they prove nothing."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def listed_as_pure() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (pure,) = [contract for contract in contracts if contract["id"] == "pure"]
    return set(pure["source_modules"])


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_modules_that_say_pure_are_in_the_contract() -> None:
    claimed = {
        module_name(path)
        for path in (ROOT / "voicechat").rglob("*.py")
        if "PURE" in (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "")
    }
    assert claimed, "no module says PURE in its docstring any more"
    assert claimed <= listed_as_pure()


def test_the_contract_lists_only_what_exists() -> None:
    for name in listed_as_pure():
        path = ROOT.joinpath(*name.split("."))
        assert path.with_suffix(".py").is_file() or (path / "__init__.py").is_file(), name
