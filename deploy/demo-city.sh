#!/bin/sh
# Fills a database made by `jieru migrate --simulation` with a small city: its registry, a year of
# heartbeats through broker and ingester (which has JIERU_INGEST_CLOCK=event), decisions, and a draft
# of the year's count. Where there is a count already it does nothing.
set -eu

city=small-city
patience_s=300
export JIERU_INGEST_CLOCK=event

if [ "$(jieru procedure list --json | tr -d '[:space:]')" != "[]" ]; then
  echo "There is a count already."
  exit 0
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
expected=$folder/expectation.json
jieru simulate "$city" --write-registry "$folder"
for kind in platforms recognitions enterprises connections devices; do
  jieru import "$kind" "$folder/$kind.csv"
done
jieru simulate "$city"

python3 - "$expected" <<'END'
import json
import subprocess
import sys

for each in json.load(open(sys.argv[1]))["decisions"]:
    command = ["jieru", "decide", each["kind"], each["platform"], each["uscc"]]
    command += ["--reason", each["reason"], "--by", each["decided_by"]]
    if each["criterion"]:
        command += ["--criterion", each["criterion"], "--value", str(each["value"])]
    subprocess.run(command, check=True)
END

field() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$expected" "$1"; }
counted() { python3 -c 'import json, sys; print(sorted((p["platform"], p["counted"]) for p in json.load(sys.stdin)["platforms"]))'; }
year=$(field year)
as_of=$(field as_of)

# The ingester may still have some to write.
until [ "$(jieru count "$year" --as-of "$as_of" --json | counted)" = "$(counted <"$expected")" ]; do
  if [ "$patience_s" -le 0 ]; then
    echo "The count is not what the scenario expects: is the ingester running?" >&2
    exit 1
  fi
  patience_s=$((patience_s - 1))
  sleep 1
done
jieru procedure draft "$year" --as-of "$as_of" --by "演示"
