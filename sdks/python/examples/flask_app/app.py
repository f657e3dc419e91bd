"""A Flask server that signs texts, and logs its configuration without leaking it.

    unspoken run --fd -- python app.py

It listens on `PORT` (any free port where that is 0 or not set), and says the port to whoever
supervises it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import logging
import os

from flask import Flask, request
from werkzeug.serving import make_server

import unspoken
from unspoken import Secret, secrets

log = logging.getLogger("flask_app")


@dataclasses.dataclass(frozen=True)
class Config:
    """Everything that this server is configured with; it may be logged as it is."""

    environment: str
    port: int
    signing_key: Secret


def read_config() -> Config:
    """Collects the configuration; without a signing key there is none."""
    return Config(secrets.environment, int(os.environ.get("PORT", "0")), secrets.SIGNING_KEY)


def create_app(config: Config) -> Flask:
    """Makes the application: `GET /sign?text=…` answers with the text's HMAC."""
    app = Flask("flask_app")
    app.config["SIGNING_KEY"] = config.signing_key

    @app.get("/sign")
    def sign() -> dict[str, str]:
        # The plain text is taken where it is used, and kept in no variable.
        text = request.args.get("text", "").encode()
        return {
            "mac": hmac.new(config.signing_key.expose().encode(), text, hashlib.sha256).hexdigest()
        }

    return app


def main() -> None:
    """Starts the server."""
    logging.basicConfig(level=logging.INFO)
    config = read_config()
    app = create_app(config)
    log.info("starting with %s", config)
    log.info("as a dictionary: %r", dataclasses.asdict(config))
    log.info("as Flask has it: %r", app.config)
    server = make_server("127.0.0.1", config.port, app, threaded=True)
    unspoken.ready(server.server_port)
    log.info("listening on %d", server.server_port)
    server.serve_forever()


if __name__ == "__main__":
    main()
