"""`security_opt:` of a service."""

from typing import Annotated

from pydantic import AfterValidator

from config.problems import reject
from config.types import Text


def _option(value: str) -> str:
    """Compose reads the file and hands its contents over (parseSecurityOpts in pkg/compose/create.go)."""
    name, profile = (value.replace(":", "=", 1) if "=" not in value else value).partition("=")[::2]
    if name == "seccomp" and profile not in ("unconfined", "builtin") and not profile.startswith("{"):
        message = "names a file, which this program does not read: Docker takes a seccomp profile's contents only"
        reject(message, "write the profile itself behind `seccomp=`, as JSON on one line, or `seccomp=unconfined`")
    return value


SecurityOption = Annotated[Text, AfterValidator(_option)]
