"""Type-checks dashboards with TypeScript against the schema that Grafana publishes."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["type_errors"]

_ROOT = Path(__file__).parents[3]
_TYPES = Path(__file__).with_name("checked")
_COMPILER = _ROOT / "node_modules/typescript/bin/tsc"
_OPTIONS = {
    "strict": True,
    "noEmit": True,
    "skipLibCheck": True,
    "target": "es2022",
    "module": "esnext",
    "moduleResolution": "bundler",
    "types": [],
}


def type_errors(dashboards: Iterable[dict[str, Any]], folder: Path) -> list[str]:
    """What the compiler says; nothing where every dashboard is what the schema asks for.

    Args:
        dashboards: written as literals, for only in those a superfluous key is an error.
        folder: to write into.
    """
    source = folder / "dashboards.ts"
    literals = [
        f"export const dashboard{number}: Dashboard = "
        f"{json.dumps(each, ensure_ascii=False, indent=1)};\n"
        for number, each in enumerate(dashboards)
    ]
    source.write_text(
        f"import type {{ Dashboard }} from {json.dumps(str(_TYPES))};\n" + "".join(literals),
        encoding="utf-8",
    )
    project = folder / "tsconfig.json"
    project.write_text(
        json.dumps({"compilerOptions": _OPTIONS, "files": [str(source)]}), encoding="utf-8"
    )
    done = subprocess.run(
        ["node", str(_COMPILER), "--project", str(project)],
        capture_output=True,
        text=True,
        # Where the machine has no Node of its own, set-up put one beside Python.
        env={**os.environ, "PATH": f"{os.environ['PATH']}:{Path(sys.executable).parent}"},
        check=False,
        timeout=120,
    )
    if done.returncode and not done.stdout:
        raise RuntimeError(f"the compiler did not run: {done.stderr}")
    return [line for line in done.stdout.splitlines() if "error TS" in line]
