"""Writes a container image as an OCI layout in a tar file: `oci_layout.py FILE METADATA LICENSES ARCHITECTURE=PROGRAM...`

METADATA is the package in the output of `cargo metadata`. An architecture has its name in Go: amd64, arm64. The image contains the program, CA
certificates, the file LICENSES, `/tmp` and the entry points of a Concourse resource. It has no shell. The bytes depend only on the arguments, SOURCE_DATE_EPOCH and
the version of certifi.
"""

import hashlib
import io
import json
import os
import sys
import tarfile
import time
import zlib
from pathlib import Path

import certifi

PROGRAM = "/usr/bin/dpl-lambda"
VARIANTS = {"arm64": {"variant": "v8"}}
MEDIA_TYPE = "application/vnd.oci.image."
EPOCH = int(os.environ["SOURCE_DATE_EPOCH"])


def tar(entries):
    """A tar file with these entries: (path, mode, content), of which a directory has no content and a link has its target."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, mode, content in entries:
            entry = tarfile.TarInfo(path)
            entry.mode, entry.mtime = mode, EPOCH
            if content is None:
                entry.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
            else:
                entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content) if isinstance(content, bytes) else None)
    return buffer.getvalue()


def gzip(data):
    """Like `gzip --best --no-name`, with the same header in every version of Python."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    header = b"\x1f\x8b\x08\0\0\0\0\0\x02\xff"
    end = zlib.crc32(data).to_bytes(4, "little") + (len(data) & 0xFFFFFFFF).to_bytes(4, "little")
    return header + compressor.compress(data) + compressor.flush() + end


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Layout:
    """The blobs of a layout, by their digests."""

    def __init__(self):
        self.blobs = {}

    def add(self, kind, data):
        """Adds a blob, and returns its descriptor."""
        if not isinstance(data, bytes):
            data = json.dumps(data, sort_keys=True, separators=(",", ":")).encode()
        self.blobs[digest(data)] = data
        return {"mediaType": MEDIA_TYPE + kind, "digest": digest(data), "size": len(data)}

    def add_image(self, architecture, layers, labels):
        """Adds an image that consists of these tar files, and returns its descriptor, with its platform."""
        platform = {"architecture": architecture, "os": "linux", **VARIANTS.get(architecture, {})}
        config = {
            **platform,
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(EPOCH)),
            "config": {
                "Entrypoint": [PROGRAM],
                "Cmd": ["plugin"],
                "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                "Labels": labels,
            },
            "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MEDIA_TYPE + "manifest.v1+json",
            "config": self.add("config.v1+json", config),
            "layers": [self.add("layer.v1.tar+gzip", gzip(layer)) for layer in layers],
        }
        return {**self.add("manifest.v1+json", manifest), "platform": platform}

    def tar(self, reference, images, annotations):
        """The layout as a tar file: an index with the name `reference`, and in it the images."""
        index = {
            "schemaVersion": 2,
            "mediaType": MEDIA_TYPE + "index.v1+json",
            "manifests": images,
            "annotations": annotations,
        }
        named = {**self.add("index.v1+json", index), "annotations": {"org.opencontainers.image.ref.name": reference}}
        top = {"schemaVersion": 2, "mediaType": MEDIA_TYPE + "index.v1+json", "manifests": [named]}
        blobs = [(f"blobs/{name.replace(':', '/')}", 0o644, data) for name, data in sorted(self.blobs.items())]
        return tar([
            ("oci-layout", 0o644, b'{"imageLayoutVersion":"1.0.0"}'),
            ("index.json", 0o644, json.dumps(top, sort_keys=True, separators=(",", ":")).encode()),
            ("blobs", 0o755, None),
            ("blobs/sha256", 0o755, None),
            *blobs,
        ])


def main(file, metadata, licenses, *programs):
    package = json.loads(metadata)
    labels = {
        "title": package["name"],
        "version": package["version"],
        "description": package["description"],
        "licenses": package["license"],
        "source": package["repository"],
    }
    labels = {f"org.opencontainers.image.{name}": value for name, value in labels.items() if value}
    # The same for all architectures, so that a registry keeps it once.
    base = tar([
        *[(path, 0o755, None) for path in ["etc", "etc/ssl", "etc/ssl/certs"]],
        ("etc/ssl/certs/ca-certificates.crt", 0o644, Path(certifi.where()).read_bytes()),
        *[(path, 0o755, None) for path in ["opt", "opt/resource"]],
        *[(f"opt/resource/{name}", 0o777, PROGRAM) for name in ["check", "in", "out"]],
        ("tmp", 0o1777, None),
        *[(path, 0o755, None) for path in ["usr", "usr/share", "usr/share/doc", "usr/share/doc/dpl-lambda"]],
        ("usr/share/doc/dpl-lambda/THIRD-PARTY-LICENSES", 0o644, Path(licenses).read_bytes()),
    ])
    layout = Layout()
    images = []
    for program in programs:
        architecture, path = program.split("=", 1)
        own = tar([("usr", 0o755, None), ("usr/bin", 0o755, None), (PROGRAM[1:], 0o755, Path(path).read_bytes())])
        images.append(layout.add_image(architecture, [base, own], labels))
    Path(file).write_bytes(layout.tar(package["version"], images, labels))


if __name__ == "__main__":
    main(*sys.argv[1:])
