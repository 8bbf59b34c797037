"""Debian machines that nobody prepared: a minimal system in a folder, entered as if booted into it.

Each has only `python3`, `git`, `make` and `ca-certificates`. What runs there has namespaces of its
own for mounts, processes, names and (if asked) the network, and the folder is its root by
`pivot_root`, not by chroot, so that it may make namespaces itself, as on a machine of its own.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from tests.support.debian_packages import cache_folder, ensure_debian_packages
from tests.support.folder_lock import locked
from tests.support.processes import StartError, run

__all__ = ["PACKAGES", "USER", "USER_HOME", "BareDebian", "bare_debian"]

PACKAGES: Final = ("python3", "git", "make", "ca-certificates")
USER: Final = "wu"
"""An ordinary user without sudo, uid and gid 1000."""
USER_HOME: Final = f"/home/{USER}"

_USER_ID: Final = 1_000
_NEEDED_HERE: Final = ("mmdebstrap", "iproute2")
_OWN_AUTHORITIES: Final = Path("/usr/local/share/ca-certificates")

_PASSED_ON: Final = (
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CERT", "NPM_CONFIG_REGISTRY"),
    *("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"),
)
"""How this machine reaches package registries, which no minimal system can know."""

_ENTER: Final = r"""
set -eu
root=$1 folder=$2 user=$3 group=$4 network=$5
shift 5
mount --make-rprivate /
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount --rbind /sys sys
mount -t tmpfs -o mode=0755 dev dev
for device in null zero full random urandom tty; do
  touch "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
mount -t tmpfs -o mode=1777 shm dev/shm
mount -t tmpfs -o mode=0755 run run
if [ "$network" = none ]; then ip link set lo up; fi
mkdir -p .outside
pivot_root . .outside
# A minimal system has no umount(8). 2 is MNT_DETACH.
python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None).umount2(b"/.outside", 2))'
rmdir /.outside
exec setpriv "--reuid=$user" "--regid=$group" --clear-groups -- \
  sh -c 'cd "$1" && shift && exec "$@"' sh "$folder" "$@"
"""


@dataclass(frozen=True, slots=True)
class BareDebian:
    """One such machine: a folder that is gone when `bare_debian` ends."""

    path: Path

    def command(
        self,
        *argv: str,
        user: str = "root",
        folder: str = "/",
        has_network: bool = True,
        environment: Mapping[str, str] | None = None,
    ) -> list[str]:
        """What to run here, as root, so that `argv` runs there, and ends when we do.

        Args:
            argv: a program of that machine and its arguments.
            user: `root` or `USER`.
            folder: its working directory.
            has_network: False: there is nothing but a loopback interface.
            environment: besides a login's own and the way to the registries.
        """
        ids = ("0", "0") if user == "root" else (str(_USER_ID), str(_USER_ID))
        home = "/root" if user == "root" else USER_HOME
        variables = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
            if user == "root"
            else "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games",
            "HOME": home,
            "USER": user,
            "LOGNAME": user,
            "SHELL": "/bin/bash",
            "TERM": "xterm-256color",
            **({name: os.environ[name] for name in _PASSED_ON if name in os.environ}),
            **(environment or {}),
        }
        return [
            # It ends when the process that started it does, however that ends.
            *("setpriv", "--pdeathsig=KILL", "--"),
            *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc"),
            *(() if has_network else ("--net",)),
            *("sh", "-c", _ENTER, "sh", str(self.path), folder, *ids),
            "outside" if has_network else "none",
            *("env", "--ignore-environment"),
            *(f"{name}={value}" for name, value in variables.items()),
            *argv,
        ]

    def give(self, path: str) -> None:
        """Make a folder of that machine, and all in it, the ordinary user's."""
        run(["chown", "--recursive", f"{_USER_ID}:{_USER_ID}", f"{self.path}{path}"])


@contextmanager
def bare_debian(suite: str) -> Iterator[BareDebian]:
    """A fresh machine of a suite of Debian (`bookworm`, `trixie`, ...), gone at the end.

    The system itself is made once, by mmdebstrap, and kept in the cache; the machine is a copy.

    Raises:
        StartError: it cannot be made; the message says why.
    """
    if os.geteuid() != 0:
        raise StartError("Bare machines are made and entered by root: run this with sudo.")
    pristine = _pristine(suite)
    with tempfile.TemporaryDirectory(prefix=f"jieru-bare-{suite}-", dir=pristine.parent) as folder:
        root = Path(folder) / "root"
        run(["cp", "--archive", "--reflink=auto", str(pristine), str(root)])
        machine = BareDebian(root)
        _connect(machine)
        yield machine


def _pristine(suite: str) -> Path:
    key = sha256(" ".join(PACKAGES).encode()).hexdigest()[:8]
    folder = cache_folder() / f"bare-{suite}-{key}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent):
            if not folder.exists():
                _bootstrap(suite, folder)
    return folder


def _bootstrap(suite: str, folder: Path) -> None:
    ensure_debian_packages(*_NEEDED_HERE)
    with tempfile.TemporaryDirectory(prefix="unfinished-", dir=folder.parent) as unfinished:
        made = Path(unfinished) / "root"
        run(
            [
                *("mmdebstrap", "--quiet", "--variant=apt", f"--include={','.join(PACKAGES)}"),
                *(f"--aptopt={option}" for option in _own_apt_options()),
                *(suite, str(made)),
            ],
            environment={**os.environ, "LC_ALL": "C.UTF-8"},
            timeout_s=1_200,
        )
        made.rename(folder)


def _own_apt_options() -> Iterator[str]:
    """What this machine's apt is told of its mirror: a proxy, or that it may be an old copy."""
    for line in run(["apt-config", "dump"]).splitlines():
        if line.startswith(("Acquire::Check-", "Acquire::http::Proxy", "Acquire::https::Proxy")):
            yield line.rstrip(";")


def _connect(machine: BareDebian) -> None:
    """Give it an ordinary user, and the outside as this machine sees it: names, authorities."""
    root = machine.path
    for name, line in {
        "passwd": f"{USER}:x:{_USER_ID}:{_USER_ID}::{USER_HOME}:/bin/bash\n",
        "group": f"{USER}:x:{_USER_ID}:\n",
        "shadow": f"{USER}:!:20000:0:99999:7:::\n",
        "subuid": f"{USER}:100000:65536\n",
        "subgid": f"{USER}:100000:65536\n",
    }.items():
        with (root / "etc" / name).open("a", encoding="ascii") as file:
            file.write(line)
    (root / "etc/shadow").chmod(0o640)
    shutil.copytree(root / "etc/skel", f"{root}{USER_HOME}")
    machine.give(USER_HOME)
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n", encoding="ascii")
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    authorities = sorted(_OWN_AUTHORITIES.glob("*.crt")) if _OWN_AUTHORITIES.is_dir() else []
    for authority in authorities:
        shutil.copy(authority, root / "usr/local/share/ca-certificates")
    if authorities:
        run(machine.command("update-ca-certificates"))


def _main() -> None:
    """Look around by hand: `python -m tests.support.bare_debian trixie [PROGRAM ARGUMENT ...]`."""
    suite, *argv = sys.argv[1:]
    with bare_debian(suite) as machine:
        sys.exit(subprocess.run(machine.command(*(argv or ["bash"])), check=False).returncode)


if __name__ == "__main__":
    _main()
