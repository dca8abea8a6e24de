"""Tables whose other keys belong to members of a registry: `[loss]`, `[backend]` and `[imperfect]`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from inspect import Parameter, signature
from typing import Annotated, Any, Self, TypeVar

from pydantic import ConfigDict, NonNegativeFloat, NonNegativeInt, ValidationInfo, model_validator

from hwlearn.circuits.backend import BACKENDS, Backend
from hwlearn.circuits.imperfect.effect import IMPERFECTIONS, Effect
from hwlearn.errors import HwlearnError
from hwlearn.experiments.names import Code, OneOf, code
from hwlearn.learning.loss import Loss
from hwlearn.learning.losses import LOSSES
from hwlearn.text import did_you_mean
from hwlearn.toml import Table

T = TypeVar("T")


class LossTable(Table):
    """`[loss]`: what training brings down; the other keys are the loss's arguments.

    Attributes:
        power: λ of a term for the power of the circuit, see `hwlearn.learning.remedies.LowPower`.
    """

    model_config = ConfigDict(extra="allow")

    name: Annotated[str, OneOf(LOSSES)] = "squared-error"
    power: NonNegativeFloat | None = None

    def loss(self, trusted: Code) -> Loss:
        """The loss.

        Raises:
            HwlearnError: an unknown name or argument, or arguments that make no sense.
        """
        return made(trusted.member(LOSSES, self.name), self.name, self.__pydantic_extra__ or {})

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> Self:
        try:
            self.loss(code(info))
        except HwlearnError as error:
            raise ValueError(str(error)) from None
        return self


class BackendTable(Table):
    """`[backend]`: what plays the circuit. The other keys are those of the backend; a file may have those of several."""

    model_config = ConfigDict(extra="allow")

    name: Annotated[str, OneOf(BACKENDS)] = "exact"

    @property
    def others(self) -> dict[str, Any]:
        """The keys besides the name."""
        return dict(self.__pydantic_extra__ or {})

    def backend(self, trusted: Code, name: str | None = None) -> Backend:
        """The backend of a name, the table's own if not given, with its keys.

        Raises:
            RegistryError: see `Registry.get`.
            ValidationError: a key that it needs is missing, or one is wrong.
        """
        name = name or self.name
        kind = trusted.member(BACKENDS, name)
        foreign = self.others.keys() & _keys_of_backends() - kind.model_fields.keys()
        keys = {key: value for key, value in self.others.items() if key not in foreign}
        return kind.model_validate({"name": name, **keys}, context=trusted)

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> Self:
        self.backend(code(info))
        return self


class ImperfectTable(Table):
    """`[imperfect]`: imperfections of the circuit, each by its name with a table of its arguments. They act in this order.

    Attributes:
        seed: of everything random.
    """

    model_config = ConfigDict(extra="allow")

    seed: NonNegativeInt = 0

    @property
    def named(self) -> dict[str, Any]:
        """The tables of arguments by name, in the order of the file."""
        return dict(self.__pydantic_extra__ or {})

    def effects(self, trusted: Code) -> list[Effect]:
        """The imperfections.

        Raises:
            HwlearnError: an unknown name or argument, or arguments that make no sense.
        """
        return [made(trusted.member(IMPERFECTIONS, name), name, arguments) for name, arguments in self.named.items()]

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> Self:
        try:
            self.effects(code(info))
        except HwlearnError as error:
            raise ValueError(str(error)) from None
        return self


def parameters(kind: type[Any]) -> dict[str, Parameter]:
    """The arguments of a class, by name."""
    named = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    return {name: parameter for name, parameter in signature(kind).parameters.items() if parameter.kind in named}


def made(kind: type[T], name: str, arguments: object) -> T:
    """A member of a registry from the arguments that a file gives.

    Raises:
        HwlearnError: an unknown or a missing argument, or one that makes no sense.
    """
    known = parameters(kind)
    example = ", ".join(f"{key} = …" for key in known)
    if not isinstance(arguments, Mapping):
        raise HwlearnError(f"{name} = {arguments!r}: give its arguments, {name} = {{ {example} }}")
    for key in arguments:
        if key not in known:
            raise HwlearnError(f"{name}: unknown argument {key!r}{did_you_mean(key, known)}; it takes {', '.join(known)}")
    missing = [key for key, parameter in known.items() if parameter.default is Parameter.empty and key not in arguments]
    if missing:
        raise HwlearnError(f"{name}: {', '.join(missing)} is missing: {name} = {{ {example} }}")
    try:
        return kind(**arguments)
    except (HwlearnError, TypeError, ValueError) as error:
        raise HwlearnError(f"{name}: {error}") from None


def _keys_of_backends() -> set[str]:
    """The keys of all installed backends, which a file may keep for another day."""
    found = set[str]()
    for name in BACKENDS:
        with suppress(HwlearnError):  # a broken one of another package: its keys are unknown until it is mended
            found |= BACKENDS.get(name).model_fields.keys()
    return found
