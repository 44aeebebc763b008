"""The one exception for input that a person can mend."""


class InputError(ValueError):
    """Input from outside is wrong.

    The message is one line that names the place (file and line, key, option) and says what was expected. The command
    line prints it on stderr and exits with status 2; a library user catches it as a ``ValueError``.
    """
