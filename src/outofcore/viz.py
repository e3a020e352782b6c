"""Open Kedro-Viz as this project wants it: from left to right, for this machine alone, asking no other.

`kedro viz run` has no option for any of the three: its page begins from top to bottom, loads a font
from elsewhere, answers under any host name, and asks the package index for a newer version.
"""

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from fastapi import FastAPI

HOST = "127.0.0.1"

FIRST_LOOK = """<script>
  if (!localStorage.getItem("KedroViz")) localStorage.setItem("KedroViz", JSON.stringify(
    {orientation: "horizontal", expandAllPipelines: true, showFeatureHints: false, visible: {sidebar: false}}));
</script>"""
"""What the page begins with in a browser that has not seen it; the browser keeps what a person changes."""

FROM_ELSEWHERE = re.compile(r'<link\s[^>]*href="https://[^>]*>')


def start_page(html: str) -> str:
    """Change Kedro-Viz's page: its first look is ours, and nothing comes from elsewhere."""
    return FROM_ELSEWHERE.sub("", html).replace("<head>", f"<head>{FIRST_LOOK}", 1)


def make_app(project: Path, env: str | None = None) -> "FastAPI":
    """Make Kedro-Viz's server for a project.

    Args:
        project: The project's folder.
        env: The environment of the configuration, as in `kedro run --env`.
    """
    # Kedro-Viz uses what FastAPI has deprecated
    warnings.filterwarnings("ignore", message="ORJSONResponse is deprecated")
    import kedro_viz
    from fastapi import FastAPI
    from fastapi.responses import HTMLResponse
    from kedro_viz.api.apps import create_api_app_from_project
    from kedro_viz.api.rest.responses.version import get_static_version_response
    from kedro_viz.server import load_and_populate_data
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    load_and_populate_data(project, env=env, package_name="outofcore")
    page = start_page((Path(kedro_viz.__file__).parent / "html" / "index.html").read_text(encoding="utf-8"))
    app = FastAPI(openapi_url=None)
    # a page of another site must not reach the server by a name of its own for this address
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])

    @app.get("/")
    @app.get("/workflow")
    def index() -> HTMLResponse:
        return HTMLResponse(page)

    @app.get("/api/version")
    def version() -> Any:
        return get_static_version_response()

    app.mount("/", create_api_app_from_project(project))
    return app


@click.command()
@click.option("--port", default=4141, show_default=True, help="Port of the loopback interface.")
@click.option("--env", default=None, help="Environment of the configuration.")
def main(port: int, env: str | None) -> None:
    """Open the pipelines of the project in this folder."""
    import uvicorn

    app = make_app(Path.cwd(), env)
    click.echo(f"Kedro-Viz: http://{HOST}:{port}   (Ctrl-C ends it)")
    uvicorn.run(app, host=HOST, port=port, log_config=None)


if __name__ == "__main__":
    main()
