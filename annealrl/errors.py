"""The one exception for input that a person can mend, and what is made of errors in code that is plugged in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class InputError(ValueError):
    """Input from outside is wrong.

    The message is one line that names the place (file and line, key, option) and says what was expected. The command
    line prints it on stderr and exits with status 2; a library user catches it as a ``ValueError``.
    """


def said(error: BaseException) -> str:
    """An error of someone else's code in one line."""
    if isinstance(error, InputError):
        return str(error)
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


@contextlib.contextmanager
def blamed(what: str) -> Iterator[None]:
    """Turn whatever goes wrong in someone else's code into an InputError of one line that opens with `what`."""
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:
        raise InputError(f"{what}: {said(error)}") from error
