package unspoken_test

import (
	"fmt"
	"log/slog"
	"os"

	unspoken "github.com/unspoken-dev/unspoken/sdks/go"
	"github.com/unspoken-dev/unspoken/sdks/go/unspokentest"
)

func ExampleSecret() {
	set := unspokentest.New(map[string]string{"STRIPE_KEY": "sk_live_example"})
	config := struct {
		Region string
		Key    unspoken.Secret
	}{"eu", set.MustGet("STRIPE_KEY")}

	fmt.Printf("%+v\n", config)
	fmt.Println(len(config.Key.Expose()))
	// Output:
	// {Region:eu Key:[REDACTED]}
	// 15
}

func ExampleSecret_LogValue() {
	key := unspokentest.New(map[string]string{"STRIPE_KEY": "sk_live_example"}).MustGet("STRIPE_KEY")
	logger := slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, attr slog.Attr) slog.Attr {
			if attr.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return attr
		},
	}))
	logger.Info("starting", "key", key)
	// Output: {"level":"INFO","msg":"starting","key":"[REDACTED]"}
}

func ExampleSecrets_Get() {
	set := unspokentest.New(map[string]string{"DATABASE_URL": "postgres://example"})
	_, err := set.Get("DATBASE_URL")
	fmt.Println(err)
	// Output: unspoken: no secret `DATBASE_URL` in `test/test` (did you mean `DATABASE_URL`?); to add it: unspoken set DATBASE_URL -e test
}

func ExampleGet() {
	// This program was not started by `unspoken run`.
	_, err := unspoken.Get("DATABASE_URL")
	fmt.Println(err)
	// Output: unspoken: no secret `DATABASE_URL`: this program was handed none; start it with: unspoken run --fd -- <program> (without --fd, run and dev set variables, which are not read here)
}
