"""`NgSpiceShared`: ngspice's shared library by cffi alone, for where neither PySpice nor InSpice imports.

The functions and their callbacks are those of ngspice's header sharedspice.h; the manual's chapter "ngspice as shared library
or dynamic link library" describes them. `hwlearn.spice.shared.Shared` has the callbacks that do something.
"""

from __future__ import annotations

from typing import Any

from cffi import FFI

from hwlearn.errors import SimulationError

ffi: Any = FFI()
ffi.cdef("""
typedef struct { double cx_real; double cx_imag; } ngcomplex_t;
typedef struct vector_info {
    char *v_name; int v_type; short v_flags; double *v_realdata; ngcomplex_t *v_compdata; int v_length;
} vector_info, *pvector_info;

typedef int (SendChar)(char *, int, void *);
typedef int (SendStat)(char *, int, void *);
typedef int (ControlledExit)(int, bool, bool, int, void *);
typedef int (SendData)(void *, int, int, void *);
typedef int (SendInitData)(void *, int, void *);
typedef int (BGThreadRunning)(bool, int, void *);
typedef int (GetVSRCData)(double *, double, char *, int, void *);
typedef int (GetISRCData)(double *, double, char *, int, void *);
typedef int (GetSyncData)(double, double *, double, int, int, int, void *);

int ngSpice_Init(SendChar *, SendStat *, ControlledExit *, SendData *, SendInitData *, BGThreadRunning *, void *);
int ngSpice_Init_Sync(GetVSRCData *, GetISRCData *, GetSyncData *, int *, void *);
int ngSpice_Command(char *);
pvector_info ngGet_Vec_Info(char *);
int ngSpice_Circ(char **);
""")


class NgSpiceShared:
    """The part of PySpice's class of this name that `Shared` is made of.

    Args:
        send_data: whether ngspice calls `_send_data` at each accepted point.

    Raises:
        SimulationError: ngspice does not start.
    """

    _ngspice_shared: Any
    _send_char: Any
    _send_stat: Any
    _exit: Any
    _send_data: Any
    _send_init_data: Any
    _get_vsrc_data: Any
    _get_isrc_data: Any

    def __init__(self, *, send_data: bool) -> None:
        self._stdout = list[str]()
        self._stderr = list[str]()
        self._kept: list[Any] = []  # what ngspice points to must live as long as it does
        self._load_library(verbose=False)
        self._init_ngspice(send_data)

    def _load_library(self, verbose: bool) -> None:
        """Open the library as `_ngspice_shared`."""
        raise NotImplementedError

    def _init_ngspice(self, send_data: bool) -> None:
        me, number = ffi.new_handle(self), ffi.new("int *", 0)
        self._kept += [me, number]
        library = self._ngspice_shared
        started = library.ngSpice_Init(
            self._called("SendChar", self._send_char),
            self._called("SendStat", self._send_stat),
            self._called("ControlledExit", self._exit),
            self._called("SendData", self._send_data) if send_data else ffi.NULL,
            self._called("SendInitData", self._send_init_data),
            self._called("BGThreadRunning", _nothing),
            me,
        )
        feeds = self._called("GetVSRCData", self._get_vsrc_data), self._called("GetISRCData", self._get_isrc_data)
        if started or library.ngSpice_Init_Sync(*feeds, ffi.NULL, number, me):
            raise SimulationError("ngspice does not start: " + " | ".join(self._stderr[-3:]))
        library.ngSpice_Command(b"set nomoremode")  # else it waits for a key after each page that it prints

    def _called(self, kind: str, function: Any) -> Any:
        """A function as ngspice calls it."""
        made = ffi.callback(f"{kind} *", function)
        self._kept.append(made)
        return made


def _nothing(running: bool, number: int, user_data: Any) -> int:
    return 0
