"""Fetch what the pages of the documentation are made of, as released on the npm registry, into the package.

Run by hand when a version below is raised; the files are committed, so that nothing is fetched at build or run time. No
package on the Python index can stand in: those that carry these files are plugins of another framework, which they
require, or years behind. Each archive is checked against the digest that the registry had when it was chosen.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import sys
import tarfile
import urllib.request
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "src" / "FasterAPI" / "openapi" / "assets"
REGISTRY = "https://registry.npmjs.org"

# By package and version: the SHA-512 of its archive, and what is taken out of it under which name. Scripts and styles are
# kept compressed; the licences beside them are what their authors ask to be passed on.
SOURCES: dict[tuple[str, str], tuple[str, dict[str, str]]] = {
    ("swagger-ui-dist", "5.35.0"): (
        "U06rpMtW9V3XPGOBeamTUSr0Z09jMX4IJuANpE/EZbAhw0G8CgwrzU4YmXkn/h0wCDNsXdGarTNNHC3sU8yVUQ==",
        {
            "swagger-ui-bundle.js": "swagger-ui-bundle.js",
            "swagger-ui.css": "swagger-ui.css",
            "LICENSE": "swagger-ui.LICENSE.txt",
            "NOTICE": "swagger-ui.NOTICE.txt",
            "swagger-ui-bundle.js.LICENSE.txt": "swagger-ui-bundle.js.LICENSE.txt",
        },
    ),
    ("redoc", "2.5.4"): (
        "M6jWhG1qoBnH6TFmzJnstyCZ87HmOY/UzDm78mHiYihEdlV/YcS9ogOo1NlElnJMeLsyxHFe2yFc4sNjHTrABQ==",
        {
            "bundles/redoc.standalone.js": "redoc.standalone.js",
            "LICENSE": "redoc.LICENSE.txt",
            "bundles/redoc.standalone.js.LICENSE.txt": "redoc.standalone.js.LICENSE.txt",
        },
    ),
    # Its licence, MIT, is not in the archive: `scalar.LICENSE.txt` was added by hand.
    ("@scalar/api-reference", "1.72.1"): (
        "XpEJ0rfc/cXbCrR+iC4kK0o/WwX2dTtGQbT049OlPKAHD6IMIFdTeGz2r+M27P2EDWKyUITRm/NzlP8z2pw/Ow==",
        {"dist/browser/standalone.js": "scalar.js"},
    ),
}
# A logo that ReDoc would have from its maker's server at each view; where it is missing, the page has none.
ELSEWHERE = {"redoc.standalone.js": b"https://cdn.redoc.ly/redoc/logo-mini.svg"}


def archive(package: str, version: str, digest: str) -> tarfile.TarFile:
    """The archive of a package. Raises `SystemExit` where it is not the one that was chosen."""
    name = package.rpartition("/")[2]
    with urllib.request.urlopen(f"{REGISTRY}/{package}/-/{name}-{version}.tgz", timeout=300) as response:
        content = response.read()
    if hashlib.sha512(content).digest() != base64.b64decode(digest):
        raise SystemExit(f"{package} {version}: the archive has another digest than the one that was chosen")
    return tarfile.open(fileobj=io.BytesIO(content))


def main() -> int:
    TARGET.mkdir(exist_ok=True)
    manifest: dict[str, dict[str, str]] = {}
    for (package, version), (digest, wanted) in SOURCES.items():
        with archive(package, version, digest) as files:
            for path, name in wanted.items():
                member = files.extractfile(f"package/{path}")
                assert member is not None, path
                content = member.read()
                if name in ELSEWHERE:
                    assert content.count(ELSEWHERE[name]) == 1, name
                    content = content.replace(ELSEWHERE[name], b"data:,")
                if name.endswith(".txt"):
                    (TARGET / name).write_bytes(content)
                    continue
                (TARGET / f"{name}.gz").write_bytes(gzip.compress(content, 9, mtime=0))
                manifest[name] = {"package": package, "version": version, "sha256": hashlib.sha256(content).hexdigest()}
    (TARGET / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
