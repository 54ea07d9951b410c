"""Files in a folder that the user names: found, read and decompressed, with one clear error for each way to fail."""

import gzip
import hashlib
import os
import zlib
from pathlib import Path
from typing import Any, BinaryIO

from gendyn.core import ConfigError

_GZIP_MAGIC = b"\x1f\x8b"


def open_folder(folder: Any, wanted: tuple[str, ...]) -> Path:
    """The folder as a path, once it is known to be one that can be listed and is not empty.

    Args:
      folder: what the user gave as ``folder``.
      wanted: file names for the messages.

    Raises:
      ConfigError: no folder given, or it does not exist, is a file, cannot be read, or is empty.
    """
    if not isinstance(folder, (str, os.PathLike)) or not os.fspath(folder):
        raise ConfigError(
            f"folder = {folder!r}: no folder given; set it to the one with {', '.join(wanted)} (plain or .gz)."
        )
    path = Path(folder).expanduser()
    try:
        entries = os.listdir(path)
    except FileNotFoundError:
        raise ConfigError(f"folder = {str(path)!r} does not exist; it must hold {', '.join(wanted)}.") from None
    except NotADirectoryError:
        raise ConfigError(f"folder = {str(path)!r} is a file, must be the folder that holds the files.") from None
    except OSError as error:
        raise ConfigError(f"folder = {str(path)!r} cannot be read ({error.strerror}): check its permissions.") from None
    if not entries:
        raise ConfigError(f"folder = {str(path)!r} is empty; it must hold {', '.join(wanted)}.")
    return path


def find_file(folder: Path, name: str) -> Path:
    """``folder/name`` or, if that is absent, ``folder/name.gz``.

    Raises:
      ConfigError: neither is there; the message lists what is, and a direct subfolder that holds the file.
    """
    entries = sorted(os.listdir(folder))
    for candidate in (name, f"{name}.gz"):
        if candidate in entries:
            return folder / candidate
    nested = [path.parent for pattern in (f"*/{name}", f"*/{name}.gz") for path in folder.glob(pattern)]
    if nested:
        hint = f"It is in a subfolder: set folder={nested[0]}."
    else:
        hint = f"The folder holds {', '.join(entries[:6])}{' ...' if len(entries) > 6 else ''}."
    raise ConfigError(f"folder = {str(folder)!r} has no file {name} or {name}.gz. {hint}")


def _read_at_most(stream: BinaryIO | gzip.GzipFile, limit: int) -> bytes:
    # In pieces: one read of a size that a damaged header claims would allocate it before reading a byte.
    pieces, missing = [], limit
    while missing > 0 and (piece := stream.read(min(missing, 1 << 20))):
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def read_file(path: Path, limit: int) -> bytes:
    """At most ``limit`` bytes of a plain or gzip file, decompressed: a file that claims to be larger is cut there.

    Raises:
      ConfigError: the file cannot be read, is named ``.gz`` without being gzip (or the reverse), or its gzip stream is
        truncated or damaged.
    """
    try:
        with open(path, "rb") as raw:
            is_gzip = raw.read(2) == _GZIP_MAGIC
            raw.seek(0)
            if path.suffix == ".gz" and not is_gzip:
                raise ConfigError(
                    f"{path} is named .gz but is not a gzip file: rename it if it is already decompressed, "
                    "else download it again."
                )
            if path.suffix != ".gz" and is_gzip:
                raise ConfigError(f"{path} is a gzip file: rename it to {path.name}.gz or decompress it.")
            return _read_at_most(gzip.GzipFile(fileobj=raw) if is_gzip else raw, limit)
    except EOFError:
        raise ConfigError(f"{path} is truncated: its gzip stream ends early; download it again.") from None
    except (zlib.error, gzip.BadGzipFile) as error:
        raise ConfigError(f"{path} is damaged: its gzip stream cannot be decompressed ({error}).") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}): check its permissions.") from None


def check_length(path: Path, found: int, expected: int, what: str) -> None:
    """Raises :class:`ConfigError` unless a file's decompressed length is exact; ``what`` explains the expected one."""
    if found < expected:
        raise ConfigError(f"{path} is truncated: it holds {found} bytes, must hold {expected} ({what}).")
    if found > expected:
        raise ConfigError(f"{path} is too long: it holds more than the {expected} bytes it must hold ({what}).")


def check_md5(path: Path, content: bytes, published: str) -> None:
    """Raises :class:`ConfigError` unless the decompressed content has the published MD5 checksum."""
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != published:
        raise ConfigError(
            f"{path} differs from the published data set: the MD5 checksum of its content is {found}, published is "
            f"{published}. Download it again, or set official=False to use it as it is."
        )
