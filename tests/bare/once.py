"""`jieru demo --once --json` in this folder's own environment: the figures are read, not looked at.

Uses nothing but Python itself, as it runs on machines that have nothing else.
"""

import json
import subprocess
import sys


def main() -> None:
    """Run it, and say what it counted; ends with its exit code."""
    done = subprocess.run(
        [".venv/bin/jieru", "demo", "--once", "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        sys.exit(done.returncode)
    count = json.loads(done.stdout)
    counted = {each["platform"]: each["counted"] for each in count["platforms"]}
    sys.stdout.write(f"{count['total_yuan']} yuan in {count['year']} for {counted}\n")


if __name__ == "__main__":
    main()
