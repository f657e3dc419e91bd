#!/usr/bin/env bash
# All checks of this library, from a clean checkout.
#
# UNSPOKEN_BUILD   a scratch folder; everything that is built goes to its `rust/`
# UNSPOKEN_BIN     optional: the program; then what it starts is checked, too
# UNSPOKEN_PEERS   optional: the folder of the tools whose `bin/` holds `cargo-deny`
set -euo pipefail
cd "$(dirname "$0")"

: "${UNSPOKEN_BUILD:?names no scratch folder}"
mkdir -p "$UNSPOKEN_BUILD/rust"
target=$(cd "$UNSPOKEN_BUILD/rust" && pwd)
export CARGO_TARGET_DIR="$target" CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_TEST_DEBUG=0
# What the caller was started with is not for these.
unset UNSPOKEN_FD UNSPOKEN_BUNDLE UNSPOKEN_READY_FD

through_unspoken=()
left_out=(-- --skip a_server_is_started_by_the_real_program)
if [[ -n "${UNSPOKEN_BIN:-}" ]]; then
    through_unspoken=(--unspoken "$UNSPOKEN_BIN")
    left_out=()
fi

cargo fmt --check
cargo clippy --locked --all-targets -- -D warnings
cargo test --locked "${left_out[@]}" # builds the examples, too
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps

deny=cargo-deny
if [[ -n "${UNSPOKEN_PEERS:-}" ]]; then
    deny="$UNSPOKEN_PEERS/bin/cargo-deny"
fi
"$deny" --offline --locked --all-features --config deny.toml check bans licenses sources

# What a registry would get: the sources, and nothing of this repository's machinery.
expected="LICENSE README.md examples/axum.rs src/lib.rs"
packaged=$(cargo package --locked --allow-dirty --list)
for file in $expected; do
    grep -qxF "$file" <<<"$packaged" || { echo "the package lacks $file" >&2; exit 1; }
done
if grep -E '^(conformance|tests|check\.sh|deny\.toml)' <<<"$packaged"; then
    echo "the package holds files of the repository" >&2
    exit 1
fi

# 3 says that cases were left out, which is all right where there is no program to start them.
status=0
python3 ../../conformance/run.py "${through_unspoken[@]}" -- "$target/debug/examples/probe" || status=$?
if [[ $status -eq 3 && -z "${UNSPOKEN_BIN:-}" ]]; then
    status=0
fi
exit "$status"
