#!/usr/bin/env bash
# Everything that the Go library is held to, from a clean checkout.
#
#   UNSPOKEN_BUILD  a folder for what is built (needed)
#   UNSPOKEN_BIN    the program `unspoken`; without it, what is started by it is left out
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

out="${UNSPOKEN_BUILD:?names a folder for what is built}/go"
mkdir -p "$out"
# There is no dependency; an older toolchain fetches the one that go.mod names.
export GOFLAGS="-mod=mod -buildvcs=false"

unformatted=$(gofmt -l .)
if [[ -n $unformatted ]]; then
    printf 'gofmt would change:\n%s\n' "$unformatted" >&2
    exit 1
fi
go vet -tags unspoken ./...
for system in darwin/arm64 windows/amd64; do
    GOOS=${system%/*} GOARCH=${system#*/} go build . ./unspokentest
done

tags=() unspoken=()
if [[ -n ${UNSPOKEN_BIN:-} ]]; then
    tags=(-tags unspoken) unspoken=(--unspoken "$UNSPOKEN_BIN")
fi
go test -race -count=1 "${tags[@]}" ./...

go build -o "$out/probe" ./conformance/probe
go build -o "$out/nethttp" ./examples/nethttp
status=0
python3 ../../conformance/run.py "${unspoken[@]}" -- "$out/probe" || status=$?
# 3 says that cases were left out, which is what was asked for without the program.
if [[ $status -eq 3 && -z ${UNSPOKEN_BIN:-} ]]; then
    echo "sdks/go: what \`unspoken run\` starts was left out, since UNSPOKEN_BIN is not set" >&2
    status=0
fi
exit "$status"
