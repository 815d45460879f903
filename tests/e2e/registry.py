"""A registry of images for the lab's NAS: the folder's files, as Docker asks for them (distribution, HTTP API V2).

python3 registry.py FOLDER PORT. Files: `manifest`, read anew for each request, and blobs under their digests.
"""

import hashlib
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


class Registry(BaseHTTPRequestHandler):
    folder: Path
    default_request_version = "HTTP/1.1"  # with headers, by which who tries TLS first knows that there is none

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        if "/manifests/" in self.path:
            self._answer(self.folder / "manifest", MANIFEST)
        elif "/blobs/" in self.path:
            self._answer(self.folder / name, "application/octet-stream")
        else:
            self._send(200, b"{}", "application/json")

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Nothing to say to those who run the tests."""

    def _answer(self, file: Path, kind: str) -> None:
        if file.exists():
            self._send(200, file.read_bytes(), kind)
        else:
            self._send(
                404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}', "application/json"
            )

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        self.send_header("Docker-Content-Digest", f"sha256:{hashlib.sha256(body).hexdigest()}")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


if __name__ == "__main__":
    Registry.folder = Path(sys.argv[1])
    ThreadingHTTPServer(("", int(sys.argv[2])), Registry).serve_forever()
