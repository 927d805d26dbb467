"""A registry on this machine that plays index.docker.io and has one image: the answers to a pull, and no more.

The image is a tree by debootstrap of the release that the recipe names, and a layer with what only this machine needs: its
certificates. The protocol: https://github.com/opencontainers/distribution-spec.
"""

import gzip
import hashlib
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

__all__ = ["base_image", "serve"]

HOST = "index.docker.io"
IMAGE = "application/vnd.docker.container.image.v1+json"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def base_image(folder: Path, suite: str, archive: str) -> list[Path]:
    """The layers of an image of a Debian release, as tar files."""
    _call("debootstrap", "--variant=minbase", suite, folder / "base", archive)
    certificates = Path("/usr/local/share/ca-certificates")
    (folder / "site" / certificates.parent.relative_to("/")).mkdir(parents=True)
    if certificates.exists():
        _call("cp", "-a", certificates, folder / "site" / certificates.relative_to("/"))
    (folder / "site/etc/uv").mkdir(parents=True)
    (folder / "site/etc/pip.conf").write_text("[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n")
    (folder / "site/etc/uv/uv.toml").write_text("system-certs = true\n")
    for name in ("base", "site"):
        _call(
            "tar", "--numeric-owner", "--owner=0", "--group=0", "-C", folder / name, "-cf", folder / f"{name}.tar", "."
        )
    return [folder / "base.tar", folder / "site.tar"]


@contextmanager
def serve(folder: Path, name: str, tag: str, layers: Sequence[Path]) -> Iterator[list[str]]:
    """Serve an image while the context lasts; yields the words that run a command for which this is the registry.

    The command runs in a mount namespace of its own, whose /etc/hosts names this machine, and trusts the certificate.
    """
    blobs, manifest = _image(layers)
    certificate = folder / "certificate.pem"
    subject = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"]
    _call(*request, *subject, "-keyout", folder / "key.pem", "-out", certificate)
    (folder / "hosts").write_text(Path("/etc/hosts").read_text() + f"\n127.0.0.1 {HOST}\n")
    server = ThreadingHTTPServer(("127.0.0.1", 443), _handler(f"/v2/{name}", tag, blobs, manifest))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, folder / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    script = f'mount --bind "{folder}/hosts" /etc/hosts; export SSL_CERT_FILE="{certificate}"; exec "$@"'
    try:
        yield ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
    finally:
        server.shutdown()
        server.server_close()


def _image(layers: Sequence[Path]) -> tuple[dict[str, bytes], bytes]:
    """The blobs of an image by their digest, and its manifest."""
    blobs: dict[str, bytes] = {}

    def described(kind: str, data: bytes) -> dict[str, object]:
        digest = _digest(data)
        blobs[digest] = data
        return {"mediaType": kind, "size": len(data), "digest": digest}

    contents = [layer.read_bytes() for layer in layers]
    parts = [described(LAYER, gzip.compress(content, 1, mtime=0)) for content in contents]
    variables = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": variables, "Cmd": ["bash"]},
        "rootfs": {"type": "layers", "diff_ids": [*map(_digest, contents)]},
        "history": [{"created_by": "debootstrap"}] * len(contents),
    }
    whole = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described(IMAGE, json.dumps(config).encode())}
    return blobs, json.dumps(whole | {"layers": parts}).encode()


def _handler(root: str, tag: str, blobs: dict[str, bytes], manifest: bytes) -> type[BaseHTTPRequestHandler]:
    answers = {"/v2/": ("application/json", b"{}")}
    answers |= {f"{root}/manifests/{name}": (MANIFEST, manifest) for name in (tag, _digest(manifest))}
    answers |= {f"{root}/blobs/{digest}": ("application/octet-stream", blob) for digest, blob in blobs.items()}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            kind, data = answers.get(self.path, ("application/json", b""))
            self.send_response(200 if self.path in answers else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
            if kind == MANIFEST:
                self.send_header("Docker-Content-Digest", _digest(manifest))
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing among the tests' output."""

    return Handler


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _call(*words: object) -> None:
    done = subprocess.run([*map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
