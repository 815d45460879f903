"""Docker's client for install.sh: what it knows stands in files, and what it was told to change in `done`."""

from pathlib import Path

from tests.nas.box import put_tool
from tests.nas.install_box import Nas

NETWORK_ID = CONTAINER_ID = "0123456789abcdef" * 4
OTHER_ID = "fedcba9876543210" * 4
# net: the name of the network NETWORK_ID; holders: who is in it, as `docker ps` prints them; there: ids of containers,
# of which those in `ours` have our label; broken: the command that fails, two words. No container stops in time.
DOCKER = """#!/bin/sh
cd {here}
[ "$1 $2" != "$(cat broken)" ] || {{ echo 'daemon says no' >&2; exit 1; }}
case "$1 $2" in
"network inspect")
    [ "$5" = {id} ] && [ -e net ] || {{ echo; echo "Error: No such network: $5" >&2; exit 1; }}
    cat net
    ;;
"ps -a") cat holders ;;
"network disconnect") [ "$3 $4" = "-f {id}" ] && echo "$*" >>done ;;
"network rm") [ "$3" = {id} ] && rm net && echo "$*" >>done ;;
"inspect --type")
    grep -q "^$6$" there || {{ echo "Error: No such container: $6" >&2; exit 1; }}
    ! grep -q "^$6$" ours || echo ours
    ;;
"stop "*) echo "$*" >>done; exit 1 ;;
"rm -f") echo "$*" >>done && grep -v "^$3$" there >there.new; mv there.new there ;;
esac
"""


class FakeDocker:
    def __init__(self, nas: Nas, **files: str) -> None:
        self.here: Path = nas.box.here
        put_tool(nas.box.bin / "docker", DOCKER.format(here=self.here, id=NETWORK_ID))
        self.set(**{"net": "bridge-host\n", "holders": "", "there": "", "ours": "", "broken": "", "done": "", **files})

    def set(self, **files: str) -> None:
        for name, text in files.items():
            (self.here / name).write_text(text)

    def done(self) -> list[str]:
        return (self.here / "done").read_text().splitlines()
