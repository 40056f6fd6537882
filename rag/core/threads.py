"""Linear algebra on one thread.

numpy's OpenBLAS shares each product between all cores and then lets its threads spin. Our products take less than a
millisecond: on two cores the spinning costs an answer 2.5 times its CPU time, takes the second core from the model,
and on a busy machine makes it three to five times slower.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any


def one_thread() -> AbstractContextManager[Any]:
    """A block in which numpy multiplies on one thread. Asks nothing of ONNX Runtime, and restores what was."""
    limit: AbstractContextManager[Any] = _libraries().limit(limits=1, user_api="blas")
    return limit


@cache
def _libraries() -> Any:
    import numpy  # noqa: F401  what isn't loaded yet would not be found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
