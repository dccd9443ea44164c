"""A plugin of mypy's: in a test a literal may stand where an id is wanted, for it is plain to see what it means.

What is not written out there keeps its type: a variable that holds one id is never taken for another. So the stories
say `CallArrived("17000.1", …)`, and their builders, which take any text, turn it into an id once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import PurePath

from mypy.nodes import (
    CallExpr,
    ConditionalExpr,
    DictExpr,
    Expression,
    ListExpr,
    MemberExpr,
    SetExpr,
    StrExpr,
    TupleExpr,
)
from mypy.plugin import FunctionSigContext, MethodSigContext, Plugin
from mypy.plugins.dataclasses import replace_function_sig_callback
from mypy.type_visitor import TypeTranslator
from mypy.types import CallableType, FunctionLike, Instance, Type

IDS = "callcenter.core.ids."
LOOK_UPS = frozenset(
    f"{kind}.{how}"
    for kind in ("builtins.dict", "typing.Mapping")
    for how in ("__getitem__", "__setitem__", "get", "pop")
)
SigContext = FunctionSigContext | MethodSigContext


class LiteralIds(Plugin):
    """Knows calls of ours, `dataclasses.replace`, and looking something up."""

    def get_function_signature_hook(self, fullname: str) -> Callable[[FunctionSigContext], FunctionLike] | None:
        """Functions, and classes that are called."""
        if fullname == "dataclasses.replace":
            return lambda context: _with_literals(context, replace_function_sig_callback(context))
        if fullname.startswith(IDS):
            return _of_text
        return _sig if fullname.startswith(("callcenter.", "tests.")) else None

    def get_method_signature_hook(self, fullname: str) -> Callable[[MethodSigContext], FunctionLike] | None:
        """Methods; an index is one."""
        return _sig if fullname in LOOK_UPS or fullname.startswith(("callcenter.", "tests.")) else None


class _AsText(TypeTranslator):
    """A type with `str` wherever it has an id."""

    def __init__(self, text: Instance) -> None:
        super().__init__()
        self._text = text

    def visit_instance(self, t: Instance, /) -> Type:
        return self._text if t.type.fullname.startswith(IDS) else super().visit_instance(t)

    def visit_type_alias_type(self, t: Type, /) -> Type:
        return t


def _sig(context: SigContext) -> FunctionLike:
    return _with_literals(context, context.default_signature)


def _of_text(context: FunctionSigContext) -> FunctionLike:
    """An id of an id, such as a call's, is made of any text in one step."""
    signature = context.default_signature
    text = context.api.named_generic_type("builtins.str", [])
    return signature.copy_modified(arg_types=[text]) if _is_test(context) else signature


def _is_test(context: SigContext) -> bool:
    return "tests" in PurePath(context.api.path).parts


def _with_literals(context: SigContext, signature: FunctionLike) -> FunctionLike:
    if not isinstance(signature, CallableType) or not _is_test(context):
        return signature
    as_text = _AsText(context.api.named_generic_type("builtins.str", []))
    types = list(signature.arg_types)
    for number, given in enumerate(context.args[: len(types)]):
        if given and all(map(_is_literal, given)):
            types[number] = types[number].accept(as_text)
    if isinstance(context.context, CallExpr):
        for name, told in zip(context.context.arg_names, context.context.args, strict=True):
            if name and name in signature.arg_names and _is_literal(told):
                number = signature.arg_names.index(name)
                types[number] = types[number].accept(as_text)
    return signature.copy_modified(arg_types=types)


def _is_literal(expression: Expression | None) -> bool:
    match expression:
        case StrExpr():
            return True
        case CallExpr(callee=MemberExpr(expr=StrExpr())):  # an f-string, as mypy reads it
            return True
        case ConditionalExpr(if_expr=one, else_expr=other):
            return _is_literal(one) and _is_literal(other)
        case TupleExpr(items=items) | ListExpr(items=items) | SetExpr(items=items):
            return bool(items) and _all_literal(items)
        case DictExpr(items=pairs):
            return bool(pairs) and _all_literal(key for key, _ in pairs)
    return False


def _all_literal(expressions: Iterable[Expression | None]) -> bool:
    return all(map(_is_literal, expressions))


def plugin(version: str) -> type[LiteralIds]:
    """What mypy asks for."""
    return LiteralIds
