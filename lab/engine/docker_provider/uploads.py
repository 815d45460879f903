"""Files that are copied into a container before it starts: one tar for each, unpacked by the daemon at the root."""

import base64
import io
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .api import Docker, DockerError
from .operations import OperationError
from .transport import TransportError


def copy_all(docker: Docker, container_id: str, uploads: list[Mapping[str, Any]]) -> None:
    """Copies them one by one. Raises OperationError; what was copied before stays."""
    for upload in uploads:
        try:
            where = {"path": "/", "noOverwriteDirNonDir": "true"}
            docker.put_tar(f"/containers/{container_id}/archive", _tar(upload), where)
        except (DockerError, TransportError) as err:
            raise OperationError(f"Unable to upload volume content: {err}") from err


def _tar(upload: Mapping[str, Any]) -> bytes:
    content = _content(upload)
    entry = tarfile.TarInfo(upload["file"])
    entry.size = len(content)
    entry.mode = int(upload.get("permissions") or ("0744" if upload.get("executable") else "0644"), 8)
    entry.mtime = int(time.time())
    entry.uid, entry.gid = int(upload.get("owner") or 0), int(upload.get("group") or 0)
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(entry, io.BytesIO(content))
    return whole.getvalue()


def _content(upload: Mapping[str, Any]) -> bytes:
    """An empty content is none for the plugin, so an empty file cannot be uploaded."""
    given = [name for name in ("content", "contentBase64", "source") if upload.get(name)]
    if len(given) != 1:
        few = "only one of" if given else "one of"
        verb = "can be" if given else "must be"
        raise OperationError(
            f"error with upload content: {few} 'content', 'content_base64', or 'source' {verb} set ({upload['file']})"
        )
    if given == ["content"]:
        return upload["content"].encode()
    if given == ["contentBase64"]:
        return base64.b64decode(upload["contentBase64"])
    try:
        return Path(upload["source"]).read_bytes()
    except OSError as err:
        raise OperationError(f"could not read file: {err}") from err
