"""Loops that Numba compiles to machine code, which then run without the interpreter's lock.

Numba (https://numba.readthedocs.io) takes almost a second to import and to compile or to find again what
it compiled before: modules that use this one are imported inside functions, where there is work for
more than a second.
"""

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(loop: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of arrays and numbers when it is first called, for the kinds of its arguments.

    The machine code is kept beside the module, in `__pycache__`, like the interpreter's own; where
    nothing can be written it is made again in every process. Numba looks at the module alone to see
    whether it is still good, so a loop calls no compiled loop of another module.

    Indices are not checked: a loop has to keep within its arrays by itself. And it makes no arrays: references
    to them are not counted, for in a loop that hands them on to others that took five times the time of the rest.
    """
    # _nrt: Numba's own name for its counting of references, which its documentation leaves out
    options: dict[str, Any] = {"nogil": True, "forceinline": True, "_nrt": False}
    try:
        made: Callable[..., Any] = njit(cache=True, **options)(loop)
    except RuntimeError:  # no folder for the machine code can be written
        made = njit(**options)(loop)
    return made
