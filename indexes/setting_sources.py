"""Where settings come from: arguments, then the environment."""

from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource
from pydantic_settings import PydanticBaseSettingsSource as Source


class QuickSources:
    """For pydantic's settings: look at the environment only if any of it is meant for them.

    Looking up each of a hundred fields takes 5 ms, and as long again in a file there is not.
    """

    @classmethod
    def settings_customise_sources(  # noqa: D102 - pydantic calls it, no one else
        cls,
        settings_cls: type[BaseSettings],
        init_settings: Source,
        env_settings: Source,
        dotenv_settings: Source,
        file_secret_settings: Source,
    ) -> tuple[Source, ...]:
        prefix = settings_cls.model_config.get("env_prefix", "").lower()
        found = [init_settings]
        if _holds(env_settings, prefix):
            found.append(env_settings)
        if isinstance(dotenv_settings, DotEnvSettingsSource) and dotenv_settings.env_file:
            found.append(dotenv_settings)
        return (*found, file_secret_settings)


def _holds(source: Source, prefix: str) -> bool:
    assert isinstance(source, EnvSettingsSource)  # noqa: S101
    return any(name.lower().startswith(prefix) for name in source.env_vars)
