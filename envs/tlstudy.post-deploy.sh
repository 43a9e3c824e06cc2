#!/usr/bin/env bash
# Snakemake runs this once in the new environment. Its jobs shall run the very tlstudy that runs
# the workflow, whose source the rules' parameters are digests of, on this environment's libraries.
set -euo pipefail
source=$("$(dirname "$(command -v tlstudy)")/python" -c \
  'from pathlib import Path; import tlstudy; print(Path(tlstudy.__file__).parents[1])')
packages=$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
programs=$(python -c 'import sysconfig; print(sysconfig.get_path("scripts"))')
# Read after the environment's own packages, which therefore win.
echo "$source" > "$packages/tlstudy-source.pth"
cat > "$programs/tlstudy" <<SCRIPT
#!$programs/python
from tlstudy.cli import main

main()
SCRIPT
chmod +x "$programs/tlstudy"
