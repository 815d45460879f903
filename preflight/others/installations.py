"""Other installations of this program on the NAS: of other stacks, and of the other networks of this site.

What is whose is told by the data files (the records) there, and where there is none by the labels in Docker.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from config.networks import NetworkView
from facts.labels import MADE_BY, STACK
from facts.nas import LiveContainer, LiveNetwork, NasFacts
from facts.state import StackState
from install.conf import Record, read_conf

UNKNOWN = "another stack of this program"
THIS_SITE = "this site"


@dataclass(frozen=True)
class Installation:
    """One other installation. path: of its data file."""

    path: str
    record: Record

    @property
    def whose(self) -> str:
        """For messages."""
        return f"{_stack(self.record.stack)} (network {self.record.network}, shim {self.record.shim}, {self.path})"


@dataclass(frozen=True)
class Others:
    """What on the NAS is another installation's.

    stack: this stack's name; network: of this installation's record; known: containers of that and of the state.
    take_over: whether this stack takes over what another state made; then only records say what is another's.
    installed: other stacks', with a record; siblings: this stack's for other networks; names: of the site's other
        networks; later: of those whose shims are changed after this one's.
    """

    stack: str = ""
    installed: tuple[Installation, ...] = ()
    siblings: tuple[Installation, ...] = ()
    names: frozenset[str] = frozenset()
    network: str = ""
    known: frozenset[str] = frozenset()
    take_over: bool = False
    later: frozenset[str] = frozenset()

    @property
    def leaving(self) -> tuple[Installation, ...]:
        """This stack's for networks that the site has no more. Pulumi removes them last."""
        return tuple(one for one in self.siblings if one.record.network not in self.names)

    @property
    def following(self) -> tuple[Installation, ...]:
        """This stack's that keep what they have until this one has been changed (components/lan.py)."""
        return tuple(one for one in self.siblings if one.record.network in self.later)

    @property
    def paths(self) -> frozenset[str]:
        """Files of all of them."""
        return frozenset(path for one in self._all for path in (one.path, *one.record.sums))

    @property
    def shims(self) -> frozenset[str]:
        return frozenset(one.record.shim for one in self._all)

    @property
    def routing_tables(self) -> frozenset[str]:
        return frozenset(one.record.values.get("routing_table", "") for one in self._all)

    @property
    def addresses(self) -> frozenset[str]:
        """Of other stacks' shims and containers."""
        return frozenset(address for one in self.installed for address in one.record.addresses)

    @property
    def _all(self) -> tuple[Installation, ...]:
        return (*self.installed, *self.siblings)

    def owner_of_network(self, live: LiveNetwork) -> str:
        """Who has that network of Docker's, which is not this installation's; "" if it is not this program's."""
        if live.name in self.names:
            return THIS_SITE
        for one in self._all:
            if one.record.network == live.name:
                return one.whose
        if MADE_BY not in live.labels:
            return ""
        return _stack(live.labels.get(STACK, ""))

    def has_network(self, live: LiveNetwork) -> bool:
        """Whether another stack has that network."""
        by_record = any(one.record.network == live.name for one in self.installed)
        return by_record or (live.name != self.network and self.labelled(live.labels.get(STACK, "")) != "")

    def owner_of_container(self, live: LiveContainer) -> str:
        """The other stack that has that container, "" if none is known to."""
        if not live.addresses or live.name in self.known:
            return ""
        for one in self.installed:
            if live.name in one.record.containers:
                return one.whose
        return self.labelled(live.stack)

    def labelled(self, label: str) -> str:
        """Whose a thing is by its label, "" if it is this stack's or an older version made it."""
        return "" if self.take_over or label in ("", self.stack) else _stack(label)


def _stack(name: str) -> str:
    return f"the stack {name}" if name else UNKNOWN


def separated(
    view: NetworkView, facts: NasFacts, state: StackState, stack: str, take_over: bool
) -> tuple[NasFacts, Others]:
    """The facts with the data files of this installation only, and the other installations."""
    texts = {**facts.confs, **facts.others}
    records = {path: read_conf(text) for path, text in texts.items()}
    own, installed, siblings = {}, [], []
    for path, record in records.items():
        # A file that moves is not looked for at its old path, if the last snapshot is lost; the state knows that path
        asked = path in facts.confs or path in state.paths
        if asked and (record is None or _is_own(path, record, view, state, stack, take_over)):
            own[path] = texts[path]
    names = frozenset(view.names) - {view.site.network.name}
    for path, record in records.items():
        if record is None or path in own:
            continue
        is_sibling = record.network in names and record.stack in ("", stack)
        is_sibling = is_sibling or (path in state.all_paths and state.host == view.site.nas.host)
        (siblings if is_sibling else installed).append(Installation(path, record))
    mine = read_conf(next((text for path, text in own.items() if records[path] is not None), None))
    known = state.containers | (frozenset() if mine is None else frozenset(mine.containers))
    others = {path: text for path, text in texts.items() if path not in own}
    rest = replace(facts, confs=own, others=others)
    network = "" if mine is None else mine.network
    later = frozenset(view.names[view.names.index(view.site.network.name) + 1 :])
    return rest, Others(stack, tuple(installed), tuple(siblings), names, network, known, take_over, later)


def _is_own(path: str, record: Record, view: NetworkView, state: StackState, stack: str, take_over: bool) -> bool:
    """Whether the data file at a path of this installation is its own. It is also its own if the state was lost or the
    stack was renamed: preflight/findings/other_states.py tells of the first, and the second needs no word."""
    if take_over:
        return True
    if path in state.paths and state.host == view.site.nas.host:
        return True
    site = view.site
    if record.stack not in ("", stack):
        return state.is_empty and (record.network, record.shim) == (site.network.name, site.shim.name)
    if path in state.paths:
        return True
    return record.network in {site.network.name, *([state.network] if state.shim else [])}


def labels_of_stack(state: StackState, stack: str, names: Mapping[str, str]) -> dict[str, str]:
    """Key → value of the label that says whose a container is. One that the state has keeps what it has, because Docker
    cannot label a container without recreating it. names: key → name."""
    return {key: state.stacks.get(name, "") if name in state.containers else stack for key, name in names.items()}
