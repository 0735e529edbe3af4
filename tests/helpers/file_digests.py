"""What files hold, short enough to compare: pytest writes out what differs, which takes 20 GB for 100 MB of bytes."""

import hashlib
from pathlib import Path


def file_digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def file_digests(folder, pattern="*"):
    """Relative path → digest of every file below ``folder``."""
    found = (path for path in sorted(Path(folder).rglob(pattern)) if path.is_file())
    return {str(path.relative_to(folder)): file_digest(path) for path in found}
