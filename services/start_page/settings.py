"""Settings of the start page when it is a process of its own."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class StartPageSettings(BaseSettings):
    """`env` other than production shows the development tools; `var` is where sample data leaves its list of cases."""

    model_config = SettingsConfigDict(env_prefix="LANTAI_", frozen=True)

    env: str = "production"
    var: Path = Path("var")

    @property
    def development(self) -> bool:
        return self.env in ("development", "test")

    @property
    def samples_file(self) -> Path:
        return self.var / "samples" / "cases.json"
