// Command nethttp is a small server that signs texts with a secret.
//
//	unspoken set SIGNING_KEY -e development
//	PORT=8080 unspoken run --fd -e development -- go run ./examples/nethttp
//	curl 'localhost:8080/sign?text=hello'
//
// It logs its whole configuration, which shows [REDACTED] for the key.
package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	unspoken "github.com/unspoken-dev/unspoken/sdks/go"
)

// config holds a secret as what it is; it becomes a text where it is used.
type config struct {
	Port       string
	SigningKey unspoken.Secret
	// sentry is optional, and not exported: not even fmt may show it.
	sentry unspoken.Secret
}

func loadConfig() (config, error) {
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	key, err := unspoken.Get("SIGNING_KEY")
	if err != nil {
		return config{}, err
	}
	sentry, _, err := unspoken.Lookup("SENTRY_DSN")
	if err != nil {
		return config{}, err
	}
	return config{Port: port, SigningKey: key, sentry: sentry}, nil
}

func handler(config config) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sign", func(w http.ResponseWriter, r *http.Request) {
		mac := hmac.New(sha256.New, []byte(config.SigningKey.Expose()))
		mac.Write([]byte(r.URL.Query().Get("text")))
		_, _ = fmt.Fprintln(w, hex.EncodeToString(mac.Sum(nil)))
	})
	return mux
}

func serve(ctx context.Context) error {
	// First, so that a mistake is seen at the start and not at a request.
	config, err := loadConfig()
	if err != nil {
		return err
	}
	slog.Info("starting", "config", config)
	fmt.Fprintf(os.Stderr, "config: %v %+v %#v\n", config, config, config)

	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", config.Port))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler(config), ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(grace)
	})
	defer stop()

	port := listener.Addr().(*net.TCPAddr).Port
	slog.Info("listening", "pid", os.Getpid(), "port", port)
	if err := unspoken.Ready(port); err != nil {
		return err
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := serve(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
