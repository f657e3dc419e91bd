#!/usr/bin/env bash
# Builds `dist/`: the same source twice, each with the type declarations of its module system.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

rm -rf dist
node_modules/.bin/tsc --project tsconfig.json --module nodenext --outDir dist/esm
node_modules/.bin/tsc --project tsconfig.json --module commonjs --moduleResolution bundler \
    --verbatimModuleSyntax false --outDir dist/cjs
# The package itself says `module`, which must not hold for this half.
echo '{ "type": "commonjs" }' > dist/cjs/package.json
