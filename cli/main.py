"""`macvlan-ipv6 VERB`: the command-line tool. Each verb has a module of its own; this one has what a person types."""

import os
import sys
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated

import typer

from cli.compose import read_services, shown_as_json, shown_as_text
from cli.ula import make_prefix

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


def _subnet(text: str) -> IPv4Network:
    try:
        return IPv4Network(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}; write it as in 192.168.1.0/24") from None


def _prefix(text: str) -> IPv6Network:
    try:
        prefix = IPv6Network(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}; write it as in fd0d:7eb5:2afd::/64") from None
    if prefix.prefixlen != 64:
        raise typer.BadParameter("it has to be a /64, as in fd0d:7eb5:2afd::/64")
    return prefix


@app.command()
def compose(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="compose files")],
    network: Annotated[str, typer.Option(help="Docker's name of the network whose services count")],
    subnet: Annotated[
        IPv4Network | None,
        typer.Option(parser=_subnet, metavar="IPV4/N", help="the LAN's, for ULAs"),
    ] = None,
    ula_prefix: Annotated[
        IPv6Network | None, typer.Option(parser=_prefix, metavar="IPV6/64", help="the site's, as in its config")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Shows what this program makes of compose files. It needs neither a NAS nor a stack.

    Values of environment variables are never shown.
    """
    found = read_services(files, network, Path.cwd(), subnet, ula_prefix)
    print(shown_as_json(found) if as_json else shown_as_text(found), end="", flush=True)
    raise typer.Exit(1 if found.problems else 0)


def main() -> None:
    """The command itself. A full disk, or a program that cannot be run, ends in a message and not in a traceback."""
    try:
        app(prog_name="macvlan-ipv6")
    except OSError as error:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # else Python writes the rest once more at its end
        print(f"{error.filename or 'the output cannot be written'}: {error.strerror}", file=sys.stderr)
        sys.exit(1)
