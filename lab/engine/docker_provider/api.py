"""The Docker Engine API over the transport: requests in, JSON or DockerError out."""

import http.client
import json
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from .transport import Endpoint, Pool, TransportError

NEWEST = (1, 51)
"""The plugin's own client is of Docker 28; a newer daemon is spoken to in this version, an older one in its own."""


class DockerError(Exception):
    """The daemon refused. status: the HTTP status; the text is worded as Docker's Go client words it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"Error response from daemon: {message}")
        self.status = status

    @property
    def is_missing(self) -> bool:
        """The object asked for does not exist."""
        return self.status == 404


class Docker:
    """A daemon. Safe to use from several threads at once."""

    def __init__(self, where: Endpoint) -> None:
        self._pool = Pool(where)
        self._lock = threading.Lock()
        self._version = ""

    def get(self, path: str, **query: Any) -> Any:
        """The decoded JSON answer."""
        return self._json("GET", path, query, None)

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        """The decoded JSON answer, or None when there is none."""
        return self._json("POST", path, query, body)

    def put_tar(self, path: str, archive: bytes, query: Mapping[str, str]) -> None:
        """Sends a tar, as `docker cp` does."""
        self._send("PUT", f"/v{self.version()}{path}", query, archive)

    def delete(self, path: str, **query: Any) -> Any:
        """The decoded JSON answer, or None when there is none."""
        return self._json("DELETE", path, query, None)

    def raw(self, path: str, **query: Any) -> bytes:
        """The undecoded answer of a GET."""
        return self._send("GET", f"/v{self.version()}{path}", query, None)

    def lines(self, path: str, headers: Mapping[str, str], **query: Any) -> list[dict[str, Any]]:
        """The messages of a POST that answers with a stream of JSON lines (an image pull)."""
        answer = self._send("POST", f"/v{self.version()}{path}", query, None, headers)
        return [json.loads(line) for line in answer.splitlines() if line.strip()]

    def version(self) -> str:
        """The API version spoken, from the daemon's ping. Raises TransportError with a remedy."""
        with self._lock:
            if not self._version:
                try:
                    theirs = self._exchange("GET", "/_ping", None, {})[1].get("Api-Version", "1.24")
                except TransportError as err:
                    raise TransportError(f"Error pinging Docker server: {err}") from err
                self._version = ".".join(map(str, min(NEWEST, _numbers(theirs))))
            return self._version

    def numbers(self) -> tuple[int, int]:
        """The API version spoken, to compare."""
        return _numbers(self.version())

    def close(self) -> None:
        """Closes the idle connections."""
        self._pool.close()

    def _json(self, method: str, path: str, query: Mapping[str, Any], body: Any) -> Any:
        answer = self._send(method, f"/v{self.version()}{path}", query, body)
        return json.loads(answer) if answer.strip() else None

    def _send(
        self, method: str, path: str, query: Mapping[str, Any], body: Any, headers: Mapping[str, str] | None = None
    ) -> bytes:
        given = {k: _query_text(v) for k, v in query.items() if v is not None}
        target = f"{path}?{urlencode(given)}" if given else path
        payload = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sort = "application/x-tar" if isinstance(body, bytes) else "application/json"
        kind = {"Content-Type": sort} if payload else {}
        return self._exchange(method, target, payload, {**kind, **(headers or {})})[0]

    def _exchange(
        self, method: str, target: str, payload: bytes | None, headers: Mapping[str, str]
    ) -> tuple[bytes, http.client.HTTPMessage]:
        """One request. An idle connection that the other side has closed meanwhile is replaced once."""
        while True:
            connection, is_new = self._pool.take()
            try:
                connection.request(method, target, payload, dict(headers))
                response = connection.getresponse()
            except (OSError, http.client.HTTPException) as err:
                failure = connection.explain(err)
                connection.end()
                if is_new or not _may_repeat(method, err):
                    raise failure from err
                continue
            except TransportError:
                connection.end()
                raise
            try:
                answer = response.read()
            except (OSError, http.client.HTTPException) as err:
                failure = connection.explain(err)
                connection.end()
                raise failure from err
            if response.will_close:
                connection.end()
            else:
                self._pool.give_back(connection)
            if response.status >= 400:
                raise DockerError(response.status, _message(answer, response.reason))
            return answer, response.headers


def _may_repeat(method: str, err: Exception) -> bool:
    """Go's client repeats a request on a stale connection when it is idempotent or nothing of an answer came."""
    return method == "GET" or isinstance(err, http.client.RemoteDisconnected | BrokenPipeError)


def _message(answer: bytes, reason: str) -> str:
    try:
        return str(json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return answer.decode(errors="replace").strip() or reason


def _numbers(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor or 0)


def _query_text(value: Any) -> str:
    return ("1" if value else "0") if isinstance(value, bool) else str(value)


def quoted(name: str) -> str:
    """A name or id as one segment of a path; slashes of image names stay."""
    return quote(name, safe="/:@")
