"""Driver of devices of ophyd-async, as beamlines have them: signals and methods, `[instrument.X.ophyd_async]`."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Mapping
from typing import Any

from hwlearn.lab.instruments.foreign.instrument import ForeignInstrument
from hwlearn.lab.instruments.foreign.modules import named_class, needed
from hwlearn.lab.instruments.foreign.tables import OphydAsyncSteps
from hwlearn.lab.instruments.found import Found
from hwlearn.lab.instruments.roles import Wired
from hwlearn.lab.instruments.settings import Setup


class OphydAsync(ForeignInstrument):
    """A device of ophyd-async. A path ends at a signal, which is set or read, or at a method, which is called and awaited.

    It lives in an event loop of its own, in a thread that ends with it.
    """

    model = "ophyd-async device"
    library, own = "ophyd_async", "ophyd_async."
    _loop: asyncio.AbstractEventLoop | None = None
    _seconds = 2.0

    def _made(self, setup: Setup) -> Any:
        steps = self.steps
        assert isinstance(steps, OphydAsyncSteps)
        base = needed("ophyd_async.core", "ophyd-async").Device
        kind = named_class(str(steps.class_), setup.folder)
        if not issubclass(kind, base):
            raise TypeError(f"{steps.class_} is no ophyd-async device")
        self._seconds = setup.timeout_s
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=_served, args=[self._loop], name=f"ophyd-async {setup.name}", daemon=True).start()

        async def connected() -> Any:
            made = kind(*([] if setup.resource is None else [setup.resource]), **steps.arguments)
            made.set_name(setup.name)
            await made.connect(mock=steps.mock, timeout=setup.timeout_s)
            return made

        self._origin = f"{steps.class_} {setup.resource or ''}".strip()
        return self._awaited(connected)

    def _awaited(self, act: Callable[[], Any]) -> Any:
        """What an act in the event loop gives, once it is done."""

        async def acted() -> Any:
            given = act()
            return await given if inspect.isawaitable(given) else given

        if self._loop is None:
            raise RuntimeError("is closed")
        future = asyncio.run_coroutine_threadsafe(acted(), self._loop)
        try:
            return future.result(self._seconds + 10)  # ophyd-async has time-outs of its own
        finally:
            future.cancel()

    def _identified(self) -> str:
        return self._origin

    def look(self, wired: Wired) -> list[Found]:
        assert isinstance(self.steps, OphydAsyncSteps)
        mocked = [Found("is ophyd-async's mock backend: nothing reaches an instrument")] if self.steps.mock else []
        return [*mocked, *super().look(wired)]

    def _release(self, device: Any) -> None:
        pass

    def close(self) -> None:
        super().close()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._loop = None

    def call(self, target: Any, arguments: list[Any], named: Mapping[str, Any]) -> Any:
        return self._awaited(lambda: super(OphydAsync, self).call(target, arguments, named))

    def value(self, target: Any) -> Any:
        return self._awaited(target.get_value) if self._known(target) and hasattr(target, "get_value") else target

    def assign(self, owner: Any, name: str, value: Any) -> None:
        self._put(self.member(owner, name), name, value)

    def assign_item(self, owner: Any, key: Any, value: Any) -> None:
        self._put(self.item(owner, key), f"[{key!r}]", value)

    def _put(self, target: Any, name: str, value: Any) -> None:
        if not (self._known(target) and hasattr(target, "set")):
            raise AttributeError(f"{name} is nothing that can be set")
        self._awaited(lambda: target.set(value))


def _served(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    loop.close()
