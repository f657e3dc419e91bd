#!/usr/bin/env bash
# Checks everything about the Python library: types, tests, the packages, and conformance.
#
#   UNSPOKEN_BUILD  folder for what is built; a temporary one unless set
#   UNSPOKEN_BIN    the program `unspoken`, for the cases and examples that it starts itself
#   PYTHON          the interpreter, 3.10 or newer; `python3` unless set
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${PYTHON:-python3}
if [[ -z ${UNSPOKEN_BUILD:-} ]]; then
    UNSPOKEN_BUILD=$(mktemp -d)
    trap 'rm -rf "$UNSPOKEN_BUILD"' EXIT
fi
mkdir -p "$UNSPOKEN_BUILD"
build=$(cd "$UNSPOKEN_BUILD" && pwd)/python
rm -rf "$build"
mkdir "$build"
export PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
unset PYTHONPATH PYTHONHOME

# The tools are kept by what they are made of, and are whole once they have their last name.
version=$("$python" -c 'import sys; print(sys.version, sys.prefix)')
key=$({ echo "$version"; cat "$here/requirements-dev.txt"; } | sha256sum | cut -c -16)
tools=${XDG_CACHE_HOME:-$HOME/.cache}/unspoken-sdks/python-$key
mkdir -p "$(dirname "$tools")"
exec 9>"$tools.lock"
flock 9
if [[ ! -e $tools/complete ]]; then
    rm -rf "$tools"
    "$python" -m venv "$tools"
    "$tools/bin/pip" install --quiet --no-deps --requirement "$here/requirements-dev.txt"
    touch "$tools/complete"
fi
exec 9>&-

cd "$here"
echo "== types"
"$tools/bin/mypy" --cache-dir "$build/mypy" src tests conformance examples

echo "== packages"
# From a copy, because a build may write beside what it builds.
mkdir "$build/source"
tar -c --exclude=__pycache__ . | tar -x -C "$build/source"
"$tools/bin/python" -m build --no-isolation --outdir "$build/dist" "$build/source"
"$python" -m venv "$build/venv"
"$build/venv/bin/pip" install --quiet --no-index "$build"/dist/*.whl
(cd "$build" && venv/bin/python -c '
import pathlib, unspoken, unspoken.testing
folder = pathlib.Path(unspoken.__file__).parent
assert (folder / "py.typed").exists() and "site-packages" in folder.parts, folder
with unspoken.testing.given({"A": "b"}):
    assert unspoken.get("A").expose() == "b"
')

echo "== tests"
# Against the library as it is installed, with the programs that the examples need.
installed=$("$build/venv/bin/python" -c 'import pathlib, unspoken; print(pathlib.Path(unspoken.__file__).parent.parent)')
PYTHONPATH=$installed "$tools/bin/python" -W error::ResourceWarning -m unittest discover --start-directory tests --top-level-directory .

echo "== conformance"
conformance=("$python" ../../conformance/run.py)
if [[ -n ${UNSPOKEN_BIN:-} ]]; then
    conformance+=(--unspoken "$UNSPOKEN_BIN")
fi
code=0
"${conformance[@]}" -- "$build/venv/bin/python" conformance/probe.py || code=$?
# 3: cases were left out, because no program was given.
if [[ $code -eq 3 && -z ${UNSPOKEN_BIN:-} ]]; then
    code=0
fi
exit "$code"
