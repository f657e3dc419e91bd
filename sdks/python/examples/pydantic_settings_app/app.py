"""pydantic-settings: a settings source that asks Unspoken, with pydantic's own `SecretStr`.

    unspoken run --fd -- python app.py
"""

from __future__ import annotations

import logging
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

import unspoken

log = logging.getLogger("pydantic_settings_app")


class UnspokenSource(PydanticBaseSettingsSource):
    """Finds the field `database_url` as the secret `DATABASE_URL`.

    Only fields of the type `SecretStr` are filled: another type would print the value.
    """

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The value, the key that pydantic files it under, and that it is no JSON."""
        wanted = field.annotation in (SecretStr, SecretStr | None)
        secret = unspoken.optional(field_name.upper()) if wanted else None
        # pydantic repeats what it refuses in its errors, so it is never given a plain text.
        return None if secret is None else SecretStr(secret.expose()), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Everything that is there; pydantic says what is missing."""
        fields = self.settings_cls.model_fields.items()
        found = {name: self.get_field_value(field, name)[0] for name, field in fields}
        return {name: value for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """The application's settings: secrets from Unspoken, the rest from the environment."""

    database_url: SecretStr
    sentry_dsn: SecretStr | None = None
    workers: int = 2

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Unspoken goes before the environment, and there is no `.env` file."""
        return init_settings, UnspokenSource(settings_cls), env_settings


def main() -> None:
    """Logs the settings in the ways that programs log them."""
    logging.basicConfig(level=logging.INFO)
    settings = Settings()
    log.info("settings: %r", settings)
    log.info("as JSON: %s", settings.model_dump_json())
    log.info("the database's URL has %d characters", len(settings.database_url.get_secret_value()))


if __name__ == "__main__":
    main()
