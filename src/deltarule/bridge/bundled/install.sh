#!/usr/bin/env bash
# Install the locked packages: install.sh PYTHON LOCK. torch goes first; once it is there, nothing
# else asks for another build of it. The default build would bring CUDA, several gigabytes.
set -euo pipefail
python=$1
lock=$2
export PIP_EXTRA_INDEX_URL=${PIP_EXTRA_INDEX_URL-https://download.pytorch.org/whl/cpu}
pip() { "$python" -m pip --quiet --disable-pip-version-check "$@"; }

if torch=$(grep '^torch==' "$lock"); then
  pip install "$torch"
fi
pip install -r "$lock"
