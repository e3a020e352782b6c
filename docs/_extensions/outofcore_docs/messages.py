"""Texts of errors in Python source: every string that says what was expected and what was found.

The parts of a text that differ from case to case are shown as words in angle brackets.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

ERROR = re.compile(
    r"\bexpected\b.*\bfound\b|is not a parameter;|is missing: |nothing reads it|must sum to|is not supported: ",
    re.DOTALL,
)

Words = Mapping[str, str]
"""What stands in place of a name."""


@dataclass(frozen=True)
class Helper:
    """A function that makes an error from its arguments.

    Attributes:
        arguments: Names of its arguments, in order.
        defaults: Texts of those that may be left out.
        text: The error's text.
    """

    arguments: list[str]
    defaults: Words
    text: ast.expr


def helpers_of(trees: Iterable[ast.Module]) -> dict[str, Helper]:
    """Find functions of a single statement that return an error whose text is made of their arguments."""
    trees = list(trees)
    constants = {name: text for tree in trees for name, text in _assigned(tree.body).items()}
    found = {}
    for function in (node for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)):
        last = function.body[-1]
        if len(function.body) == 2 and isinstance(last, ast.Return) and isinstance(last.value, ast.Call):
            [text] = last.value.args if len(last.value.args) == 1 else [last.value]
            if isinstance(text, ast.JoinedStr) and ERROR.search(_text(text, {})):
                names = [argument.arg for argument in function.args.args]
                values = function.args.defaults
                given = zip(names[len(names) - len(values) :], values, strict=True)
                found[function.name] = Helper(names, {name: _text(value, constants) for name, value in given}, text)
    return found


def messages(tree: ast.Module, helpers: Mapping[str, Helper]) -> Iterator[str]:
    """Find the texts of errors in a module.

    Args:
        tree: The module.
        helpers: Functions that make errors, of all modules.

    Yields:
        One text per error, in the order of the source.
    """
    scopes = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name not in helpers]
    for scope in scopes:
        words = _assigned(scope.body)
        for node in _expressions(scope):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in helpers:
                helper = helpers[node.func.id]
                given = {name: _text(value, words) for name, value in zip(helper.arguments, node.args, strict=False)}
                yield _text(helper.text, {**helper.defaults, **given})
            elif _is_message(node, words):
                yield _text(node, words)


def _is_message(node: ast.AST, words: Words) -> bool:
    """Whether an expression is the text of an error; a text with %s is a line of the log."""
    if not isinstance(node, ast.JoinedStr | ast.Constant | ast.BinOp):
        return False
    text = _text(node, words)
    return ERROR.search(text) is not None and "%s" not in text


def _assigned(body: list[ast.stmt]) -> dict[str, str]:
    """Texts that stand under a name."""
    return {
        statement.targets[0].id: _text(statement.value, {})
        for statement in body
        if isinstance(statement, ast.Assign)
        and isinstance(statement.targets[0], ast.Name)
        and isinstance(statement.value, ast.JoinedStr | ast.Constant)
    }


def _expressions(scope: ast.FunctionDef) -> Iterator[ast.AST]:
    """Walk a function, but for its docstring, its inner functions and the parts of its texts."""
    documented = ast.get_docstring(scope) is not None
    pending: list[ast.AST] = list(scope.body[documented:])
    while pending:
        node = pending.pop(0)
        yield node
        if not isinstance(node, ast.JoinedStr | ast.FunctionDef) and not _is_message(node, {}):
            pending = [*ast.iter_child_nodes(node), *pending]


def _text(node: ast.expr, words: Words) -> str:  # noqa: PLR0911 (a case per kind of expression)
    """Write an expression as text, what is not known of it as a word in angle brackets."""
    match node:
        case ast.Constant(str() as text):
            return text
        case ast.JoinedStr(parts):
            return "".join(_text(part, words) for part in parts)
        case ast.FormattedValue(ast.Name(name)) if name in words:
            return words[name]
        case ast.FormattedValue(value):
            return _text(value, words) if isinstance(value, ast.IfExp) else f"<{_word(value)}>"
        case ast.IfExp(_, yes, no) if (one := _text(yes, words)) and (other := _text(no, words)):
            return f"{one} | {other}"
        case ast.BinOp(left, ast.Add(), right):
            return _text(left, words) + _text(right, words)
        case ast.Name(name) if name in words:
            return words[name]
        case _:
            return f"<{_word(node)}>"


CALLS = {"_reason": "reason", "place": "file, row", "join": "names", "len": "count", "described": "sample"}
NAMES = {"strerror": "reason", "ids": "ID", "labels": "label", "splits": "split", "end_step": "step"}


def _word(node: ast.expr) -> str:  # noqa: PLR0911 (a case per kind of expression)
    """Name an expression by its most telling part."""
    match node:
        case ast.Attribute(value, "iloc") | ast.Attribute(ast.Name() as value, "__name__"):
            return _word(value)
        case ast.Attribute(_, "__name__"):
            return "kind of error"
        case ast.Name(name) | ast.Attribute(_, name):
            plain = name.lstrip("_").lower()
            return NAMES.get(plain, plain)
        case ast.Call(ast.Name(name) | ast.Attribute(_, name)) if name in CALLS:
            return CALLS[name]
        case ast.Call(ast.Attribute(value), []):
            return _word(value)
        case ast.Call(_, [first, *_]):
            return _word(first)
        case ast.Subscript(_, ast.Constant(str() as key)):
            return key
        case ast.Subscript(value):
            return _word(value)
        case ast.BinOp(_, _, right):
            return _word(right)
        case _:
            return "..."
