"""PostgreSQL with TimescaleDB, PgBouncer and Mosquitto, where this machine's Debian lacks them.

Debian 13 packages them all. Where this machine has them installed they are used as they are;
elsewhere a folder with a small Debian 13 is made once, kept in a cache, and entered by chroot:
directly as root, through a user namespace as an ordinary user.
"""

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tests.support.debian_packages import cache_folder, ensure_debian_packages, run_as_caller
from tests.support.folder_lock import locked

__all__ = ["DebianRoot", "cached_root", "ensure_debian_root"]

_SUITE = "trixie"
_PACKAGES = ("postgresql-17-timescaledb", "pgbouncer", "mosquitto", "mosquitto-clients")

_ENTER = (
    # The folder of an ordinary user has no device nodes; and PostgreSQL refuses to be root, so
    # that a second namespace turns the first one's root into somebody else again.
    'root=$1 user=$2 group=$3; shift 3; mount --rbind /dev "$root/dev" && exec unshare '
    '--user --map-user="$user" --map-group="$group" --keep-caps /usr/sbin/chroot "$root" "$@"'
)
_UNFINISHED = "unfinished-"


@dataclass(frozen=True, slots=True)
class DebianRoot:
    """A Debian that has the services: a folder, or `/` for this machine itself."""

    path: Path

    @property
    def postgres_programs(self) -> Path:
        """The folder, as seen from inside, of the newest PostgreSQL that has TimescaleDB."""
        controls = self.path.glob("usr/share/postgresql/*/extension/timescaledb.control")
        version = max(int(control.parent.parent.name) for control in controls)
        return Path(f"/usr/lib/postgresql/{version}/bin")

    def command(self, *argv: str | Path, user: str) -> list[str]:
        """What to run outside, so that `argv` runs inside as `user` and dies with its parent.

        Nothing in the chain forks, so a signal to the process that was started reaches the server.
        For an ordinary user `user` is but another name inside for themselves.
        """
        inner = ["setpriv", "--pdeathsig=KILL"]
        if _is_root():
            inner += [f"--reuid={user}", f"--regid={user}", "--init-groups"]
        inner += ["--", *map(str, argv)]
        if self.path == Path("/"):
            return inner
        if _is_root():
            return ["/usr/sbin/chroot", str(self.path), *inner]
        namespace = ["unshare", "--user", "--map-root-user", "--mount"]
        return [*namespace, "sh", "-c", _ENTER, "sh", str(self.path), *self._ids(user), *inner]

    def inside(self, path: Path) -> Path:
        """The path, as seen from inside, of something in this folder."""
        return Path("/") / path.relative_to(self.path)

    @contextmanager
    def workspace(self, *, user: str) -> Iterator[Path]:
        """A folder for one server that runs as `user`, gone at the end.

        It is locked for as long as this process lives; what killed runs left behind is removed
        here, on the next occasion.
        """
        parent = self.path / "tmp" / f"jieru-{os.geteuid()}"
        parent.mkdir(exist_ok=True)
        parent.chmod(0o755)  # whatever the umask: servers pass through it
        with ExitStack() as held:
            with locked(parent):
                for left in parent.iterdir():
                    with suppress(BlockingIOError, FileNotFoundError), locked(left, wait=False):
                        shutil.rmtree(left, ignore_errors=True)
                folder = Path(tempfile.mkdtemp(dir=parent))
                held.enter_context(locked(folder))
            self.give(folder, user=user)
            try:
                yield folder
            finally:
                shutil.rmtree(folder)

    def give(self, path: Path, *, user: str) -> None:
        """Make `user` the owner of a file or folder of a workspace."""
        if _is_root():
            os.chown(path, *map(int, self._ids(user)))

    def _ids(self, user: str) -> tuple[str, str]:
        entries = (self.path / "etc/passwd").read_text(encoding="utf-8").splitlines()
        fields = next(entry for entry in entries if entry.startswith(f"{user}:")).split(":")
        return fields[2], fields[3]


def ensure_debian_root() -> DebianRoot:
    """The Debian that has the services, made now if it must be.

    Raises:
        StartError: it cannot be had; the message says what to do.
    """
    return _find() or cached_root(cache_folder())


def cached_root(cache: Path) -> DebianRoot:
    """The folder kept in `cache`, made now if it is not there.

    It is made beside its place under a lock and then renamed, so that parallel runs make it once
    and what a killed run left half-made is never used. A change of what it holds changes its name.

    Raises:
        StartError: it cannot be made; the message says why.
    """
    folder = _folder_in(cache)
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with locked(cache):
            if not folder.exists():
                _build(folder)
    return DebianRoot(folder)


def _build(folder: Path) -> None:
    ensure_debian_packages("mmdebstrap", *(() if _is_root() else ("uidmap",)))
    for left in folder.parent.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=folder.parent) as unfinished:
        made, archive = Path(unfinished, "root"), Path(unfinished, "root.tar")
        bootstrap = ["mmdebstrap", "--quiet", "--variant=apt", f"--include={','.join(_PACKAGES)}"]
        if _is_root():
            run_as_caller([*bootstrap, _SUITE, str(made)])
        else:
            # By way of an archive, so that all of it belongs to this user, who can then delete it
            # and needs no range of user ids to run it.
            run_as_caller([*bootstrap, "--mode=unshare", _SUITE, str(archive)])
            made.mkdir()
            unpack = ["tar", "--extract", "--no-same-owner", "--exclude=./dev/*"]
            run_as_caller([*unpack, f"--file={archive}", f"--directory={made}"])
        made.rename(folder)


def _find() -> DebianRoot | None:
    for root in (DebianRoot(Path("/")), DebianRoot(_folder_in(cache_folder()))):
        if _has_services(root):
            return root
    return None


def _folder_in(cache: Path) -> Path:
    key = sha256(" ".join(_PACKAGES).encode()).hexdigest()[:8]
    return cache / f"debian-{_SUITE}-{platform.machine()}-{key}"


def _has_services(root: DebianRoot) -> bool:
    controls = root.path.glob("usr/share/postgresql/*/extension/timescaledb.control")
    programs = ("usr/sbin/pgbouncer", "usr/sbin/mosquitto", "usr/bin/mosquitto_sub")
    return any(controls) and all((root.path / program).exists() for program in programs)


def _is_root() -> bool:
    return os.geteuid() == 0
