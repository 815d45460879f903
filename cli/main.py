"""`macvlan-ipv6 VERB`: the command-line tool. Each verb has a module of its own; this one has what a person types."""

import io
import os
import sys
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from cli.compose import read_services, shown_as_json, shown_as_text
from cli.ula import make_prefix
from compose.project import Source
from config.problems import from_pydantic
from config.types import DockerName, Subnet, UlaPrefix
from inputs.compose_files import files_of

app = typer.Typer(
    help="Tools beside `pulumi`. Exit code 0: all is well, 1: there are problems, 2: the command line is wrong.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command()
def ula(
    stack: Annotated[str, typer.Option(help="the stack whose Pulumi.<stack>.yaml gets the prefix")],
) -> None:
    """Makes the site's IPv6 ULA prefix (RFC 4193) and writes it to the stack's config, once."""
    raise typer.Exit(make_prefix(stack))


def _option(kind: Any) -> Callable[[str], Any]:
    """The parser of an option: the value is judged as the site's key of that type is."""

    def parse(text: str) -> Any:
        try:
            return TypeAdapter(kind).validate_python(text)
        except ValidationError as error:
            (problem,) = from_pydantic(error, "", {})
            raise typer.BadParameter(f"{problem.value} {problem.message}; {problem.remedy}".strip()) from None

    return parse


@app.command()
def compose(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="compose files of one project, as behind -f")],
    network: Annotated[
        str,
        typer.Option(
            parser=_option(DockerName), metavar="NAME", help="Docker's name of the network; services on it count"
        ),
    ],
    subnet: Annotated[
        IPv4Network | None,
        typer.Option(parser=_option(Subnet), metavar="IPV4/N", help="the LAN's, for ULAs"),
    ] = None,
    ula_prefix: Annotated[
        IPv6Network | None,
        typer.Option(parser=_option(UlaPrefix), metavar="IPV6/64", help="the site's, as in its config"),
    ] = None,
    project_directory: Annotated[str, typer.Option(metavar="FOLDER", help="the file's own folder on the NAS")] = "",
    env_file: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="in place of the .env beside the file")
    ] = None,
    name: Annotated[str, typer.Option(help="the project's name")] = "",
    profile: Annotated[list[str] | None, typer.Option(help="an active profile")] = None,
    all_services: Annotated[bool, typer.Option("--all", help="all services, not only those on the network")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Shows what this program makes of a Compose project. It needs neither a NAS nor a stack.

    Values of environment variables are never shown.
    """
    paths = tuple(dict.fromkeys(files))  # `*.yml compose.yml` names one twice
    source = Source(
        files_of(paths, Path.cwd()), files_of(env_file or (), Path.cwd()), project_directory, name, tuple(profile or ())
    )
    found = read_services(source, "all" if all_services else "joined", network, subnet, ula_prefix)
    print(shown_as_json(found) if as_json else shown_as_text(found), end="", flush=True)
    raise typer.Exit(1 if any(problem.severity == "error" for problem in found.problems) else 0)


def main() -> None:
    """The command itself. A full disk, or a program that cannot be run, ends in a message and not in a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal's encoding may lack a character of the output
    try:
        app(prog_name="macvlan-ipv6")
    except OSError as error:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # else Python writes the rest once more at its end
        print(f"{error.filename or 'the output cannot be written'}: {error.strerror}", file=sys.stderr)
        sys.exit(1)
