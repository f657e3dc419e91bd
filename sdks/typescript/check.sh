#!/usr/bin/env bash
# Everything that must hold for the TypeScript library, from a clean checkout:
#
#   UNSPOKEN_BUILD=/some/scratch sdks/typescript/check.sh
#
# UNSPOKEN_BUILD  scratch; nothing is written into the source tree
# UNSPOKEN_NPM    a folder that holds node_modules as package-lock.json says; made and kept in the cache if not given
# UNSPOKEN_BIN    the program that starts the examples and the cases that need it; left out if not given
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${UNSPOKEN_BUILD:?names a scratch folder}/typescript
package=$build/package
examples=$build/examples

# Prints the folder that holds node_modules; its name says what is in it, so that checkouts share one.
tools() {
    if [[ -n ${UNSPOKEN_NPM:-} ]]; then
        echo "$UNSPOKEN_NPM"
        return
    fi
    local key folder made
    key=$(cat "$here/package.json" "$here/package-lock.json" | sha256sum | cut -c1-16)
    folder=${XDG_CACHE_HOME:-$HOME/.cache}/unspoken-sdks/npm-$key
    if [[ ! -e $folder ]]; then
        mkdir -p "$(dirname "$folder")"
        made=$(mktemp -d "$folder.XXXXXX")
        cp "$here/package.json" "$here/package-lock.json" "$made"
        # Not `npm ci`: it refuses a lock that lacks other systems' optional binaries. Versions and hashes hold with both.
        (cd "$made" && npm install --no-save --no-audit --no-fund >&2)
        # Whoever comes second finds it done.
        mv -T "$made" "$folder" 2>/dev/null || rm -rf "$made"
    fi
    echo "$folder"
}

if ! node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)'; then
    echo "sdks/typescript: Node 20 or newer is needed, this is $(node --version)" >&2
    exit 1
fi

step() {
    printf '== %s\n' "$*"
}

npm=$(tools)
rm -rf "$build"
mkdir -p "$package" "$examples"

step build
for part in src test conformance bench build.sh server-only.js package.json tsconfig.json README.md LICENSE; do
    cp -r "$here/$part" "$package"
done
ln -s "$npm/node_modules" "$package/node_modules"
"$package/build.sh"

step test
unit=()
for file in "$package"/test/*.test.mjs; do
    [[ $file == */examples.test.mjs ]] || unit+=("$file")
done
(cd "$package" && node --test --test-timeout=120000 --test-reporter=dot "${unit[@]}")

conformance() {
    step "conformance: $1"
    local code=0
    python3 "$here/../../conformance/run.py" ${UNSPOKEN_BIN:+--unspoken "$UNSPOKEN_BIN"} -- \
        "${@:2}" "$package/conformance/probe.mjs" || code=$?
    # 3 says that cases were left out, which is right where there is no program.
    [[ $code == 0 || ($code == 3 && -z ${UNSPOKEN_BIN:-}) ]]
}
conformance Node node
conformance Bun "$npm/node_modules/.bin/bun"
conformance Deno "$npm/node_modules/.bin/deno" run --allow-all --no-lock --no-remote

step pack
archive=$(cd "$package" && npm pack --silent --pack-destination "$build")
# Next takes its own folder as the root and refuses what lies outside; hard links are cheap, and a copy does, too.
modules=$examples/next/node_modules
mkdir -p "$modules/unspoken"
ln -s next/node_modules "$examples/node_modules"
for module in "$npm"/node_modules/*; do
    case ${module##*/} in
        bun | deno | @oven | @deno | typescript | @typescript) ;;
        *) cp -al "$module" "$modules/" 2>/dev/null || cp -r "$module" "$modules/" ;;
    esac
done
tar -xzf "$build/$archive" -C "$modules/unspoken" --strip-components=1
tar -tzf "$build/$archive" | sort >"$build/packed"
for file in README.md LICENSE server-only.js dist/{esm,cjs}/{index,testing}.{js,d.ts} dist/cjs/package.json; do
    grep -qx "package/$file" "$build/packed" || { echo "the package lacks $file" >&2; exit 1; }
done
if grep -qvE '^package/(dist/|README\.md$|LICENSE$|server-only\.js$|package\.json$)' "$build/packed"; then
    echo "the package holds too much: see $build/packed" >&2
    exit 1
fi

step examples
cp -r "$here"/examples/* "$examples"
UNSPOKEN_EXAMPLES=$examples node --test --test-timeout=120000 --test-reporter=dot "$package/test/examples.test.mjs"

step bench
node "$package/bench/read.mjs"
