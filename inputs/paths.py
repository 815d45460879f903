"""Paths of the site, as the program reads them and as ssh gets them."""

import errno
from pathlib import Path


def from_home(text: str, project: Path) -> Path:
    """A path of the site as an absolute one: ~ is the home, a relative path starts at ``project``. Raises OSError.

    Links in it are left as they are, because /dev/stdin leads to a name that cannot be opened.
    """
    if "\0" in text:
        raise OSError(errno.ENOENT, "no path has a NUL in it")
    try:
        return (project / Path(text).expanduser()).absolute()
    except RuntimeError as error:  # ~nobody/…
        raise OSError(errno.ENOENT, str(error)) from None


def for_ssh(text: str) -> str:
    """The same path as a value for ssh's options, which are stored in the state. It stays as the person wrote it, so
    that it is the same on another laptop.

    A relative path starts at the project for ssh too, because Pulumi starts the plugins there. ~ becomes $HOME, as in
    the shell and in ``from_home``, because ssh's own ~ is the home in the system's list of users. The value is quoted,
    because ssh splits at blanks and % starts its placeholders.
    """
    home = "${HOME}" if text == "~" or text.startswith("~/") else ""
    rest = text[1:] if home else text
    return f'"{home}{rest.replace("%", "%%")}"'
