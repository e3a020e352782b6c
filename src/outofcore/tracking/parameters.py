"""Typed form of `conf/base/tracking.yml`, and the place of the MLflow store that it names."""

from dataclasses import dataclass
from pathlib import Path

import yaml
from kedro.config import OmegaConfigLoader
from pydantic import PositiveFloat, PositiveInt, ValidationError, field_validator

from outofcore.errors import ConfigurationError
from outofcore.parameter_problems import setting_problem
from outofcore.parameters.base import Group

SQLITE = "sqlite:///"


class TrackingParameters(Group):
    """All of `conf/base/tracking.yml`.

    Attributes:
        enabled: Whether runs are recorded in MLflow at all.
        uri: `sqlite:///FILE`, relative to the project's root, or the address of a server.
        experiment: Name of the experiment; `null` takes the pipeline's.
        timeout_seconds: Longest wait for one answer of a server.
        retry_after_seconds: How long a server that did not answer is left alone.
        system_metrics: Whether memory, CPU, disk, network and GPU are recorded.
        system_metrics_interval_seconds: Seconds between two such samples.
    """

    enabled: bool
    uri: str
    experiment: str | None
    timeout_seconds: PositiveInt
    retry_after_seconds: PositiveFloat
    system_metrics: bool
    system_metrics_interval_seconds: PositiveFloat

    @field_validator("uri")
    @classmethod
    def _has_a_scheme(cls, uri: str) -> str:
        if "://" not in uri or uri.startswith("file:"):
            raise ValueError("expected sqlite:///FILE or http://HOST:PORT")
        return uri


@dataclass(frozen=True)
class Store:
    """Where MLflow keeps its runs.

    Attributes:
        uri: Address with an absolute path, as MLflow takes it.
        artifact_location: URI of the artifacts of new experiments; `None` leaves it to the server.
        file: The SQLite file, or `None` for a server.
        experiment_file: The file that sets the experiment, for messages.
    """

    uri: str
    artifact_location: str | None
    file: Path | None
    experiment_file: str = "tracking.yml"


def store_of(uri: str, project_path: Path, experiment_file: str = "tracking.yml") -> Store:
    """Resolve the store's address from the root of the project.

    Args:
        uri: As in `TrackingParameters.uri`.
        project_path: Root of the project.
        experiment_file: The file that sets the experiment.
    """
    if not uri.startswith(SQLITE):
        return Store(uri, None, None, experiment_file)
    root = project_path.resolve()
    file = root / uri.removeprefix(SQLITE)
    return Store(f"{SQLITE}{file.as_posix()}", (root / "mlartifacts").as_uri(), file, experiment_file)


def settings_file(loader: OmegaConfigLoader, key: str, project_path: Path) -> str:
    """Name the `tracking.yml` that holds a key: that of the environment, else that of `conf/base`.

    Args:
        loader: Kedro's configuration loader.
        key: A key of `TrackingParameters`, or one mistaken for it.
        project_path: Root of the project, from which the file is named.
    """
    base, environment = (
        Path(loader.conf_source, str(name), "tracking.yml")
        for name in (loader.base_env, loader.env or loader.default_run_env)
    )
    own = yaml.safe_load(environment.read_text()) if environment.is_file() else None
    file = environment if own and key in own else base
    return str(file.relative_to(project_path) if file.is_relative_to(project_path) else file)


def read_tracking_parameters(loader: OmegaConfigLoader, project_path: Path) -> TrackingParameters:
    """Check the values of `tracking.yml`.

    Args:
        loader: Kedro's configuration loader.
        project_path: Root of the project.

    Raises:
        ConfigurationError: A key is missing or unknown, or a value is wrong.
    """
    try:
        return TrackingParameters.model_validate(dict(loader["tracking"]))
    except ValidationError as error:
        key, problem = setting_problem(TrackingParameters, error)
        raise ConfigurationError(
            f"{settings_file(loader, key, project_path)}: {problem}{'' if problem.endswith('?') else '.'} "
            "See conf/base/tracking.yml for the keys and their meaning."
        ) from error
