module github.com/unspoken-dev/unspoken/sdks/go

go 1.23
