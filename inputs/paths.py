"""Paths of the site, as the program reads them and as ssh gets them."""

import errno
from pathlib import Path


def from_home(text: str, project: Path) -> Path:
    """A path of the site, absolute: ~ is the home, and relative ones start at ``project``. Raises OSError."""
    try:
        return (project / Path(text).expanduser()).resolve()
    except (RuntimeError, ValueError) as error:  # ~nobody/…, links in a circle, a NUL
        raise OSError(errno.ENOENT, str(error)) from None


def for_ssh(text: str) -> str:
    """The same path as a value of ssh's options, which stands in the state: as the person wrote it, so that it is the
    same on another laptop. Relative ones start at the project for ssh too, since Pulumi starts the plugins there.

    ~ is $HOME, as in the shell and in ``from_home``; ssh's own ~ is the home of the system's list of users. Quoted,
    for ssh splits at blanks; % starts ssh's placeholders.
    """
    home = "${HOME}" if text == "~" or text.startswith("~/") else ""
    rest = text[1:] if home else text
    return f'"{home}{rest.replace("%", "%%")}"'
