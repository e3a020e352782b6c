"""Kedro's settings of the project."""

import os
import warnings

from outofcore.hooks.error_names import ErrorNameHooks
from outofcore.hooks.parameter_check import ParameterCheckHooks
from outofcore.hooks.progress import ProgressHooks
from outofcore.hooks.report_opening import ReportOpeningHooks
from outofcore.hooks.run_lifecycle import RunLifecycleHooks
from outofcore.tracking.hook import TrackingHooks

os.environ.setdefault("DO_NOT_TRACK", "true")
# Kedro calls OmegaConf in a way that OmegaConf 2.4 warns of, in every command.
warnings.filterwarnings("ignore", message="register_new_resolver", category=UserWarning)

HOOKS = (
    ParameterCheckHooks(),
    ErrorNameHooks(),
    RunLifecycleHooks(),
    TrackingHooks(),
    ProgressHooks(),
    ReportOpeningHooks(),
)

DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry",)

CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # Kedro's default would replace whole namespaces and catalog entries; so an environment gives
    # only what differs.
    "merge_strategy": {"parameters": "soft", "catalog": "soft"},
    "config_patterns": {"tracking": ["tracking*", "tracking*/**"]},
}
