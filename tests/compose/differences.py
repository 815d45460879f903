"""Where our reader says something else than compose-go, and why. Each entry is tested to be a difference still."""

from collections.abc import Mapping

# Case of corpus/taken → what the lines of its differences have in them.
OTHERWISE: Mapping[str, tuple[str, ...]] = {
    # The site's project_directory is a folder of the containers' machine, and --project-directory one of the laptop.
    "project-directory": ("name", "services.a"),
    # compose-go makes one variable `#extensions` of all whose names begin with x-.
    "x-everywhere": ("services.x-app.environment", "services.x-app.labels"),
    # compose-go passes over a size that is a float, and over an include without a path. Both are told with us.
    "sizes": ("services.i.mem_limit", "services.j.mem_limit", "services.k.mem_limit", "services.p.shm_size"),
    "include-without-path": ("names no file",),
    # A break inside of quotes in an env file of Windows.
    "dotenv-crlf": ("services.a.environment.B",),
    # What is found in a service that is switched off is not told, because it is not taken.
    "env-file": ("cannot be read",),
    # Docker cleans the path; ours stays as written, so that an upgrade replaces no container for it.
    "volumes-long": ("services.a.volumes[1].target",),
    # A provider is refused.
    "rare-keys": ("services.provider.networks",),
}

# The same of what becomes of it. A container is not made at all for a part of these, and a person is told.
OTHER_CONTAINERS: Mapping[str, tuple[str, ...]] = {
    "project-directory": ("a.image", "a.volumes"),
    "x-everywhere": ("x-app.environment", "x-app.labels"),
    "sizes": ("i.mem_limit", "j.mem_limit", "l.mem_limit"),
    "dotenv-crlf": ("a.environment",),
    # What ~ is, only who runs Compose knows.
    "extends": ("other.volumes[2].source",),
    "volumes": ("a.volumes[11].source", "a.volumes[12].source"),
    "volumes-long": ("a.volumes[3].source",),
}

# What Compose refuses and we take: cases of corpus/refused.
TAKEN_CASES = frozenset(
    (
        # The plan tells of two containers with one name.
        "container-name-twice",
        # A project's name is normalised wherever it comes from.
        *("name-empty-after", "name-number", "name-said-wrong", "project-name-in-env"),
        # YAML that is fine, and a number where Compose asks for quotes.
        *("escaped-slash", "version-number"),
        # A variable is asked for where its value is used.
        *("variable-demanded-disabled", "variable-demanded-in-x"),
        # Still to do.
        *("env-file-format", "env-file-raw-blank", "override-config"),
    )
)

# What Compose refuses and we take: `key: value` of wrong_values.OF_A_SERVICE.
TAKEN_VALUES = frozenset(
    (
        # A number or a boolean where text is meant, and the other way round.
        *("hostname: 5", "user: 1000", "user: 0", "cpuset: 0", "restart: false", "environment: [1, 2]"),
        *("environment: {A: .inf}", "privileged: 1", 'privileged: "1"', "stop_grace_period: 10"),
        'volumes: [{type: tmpfs, target: /b, tmpfs: {mode: "755"}}]',
        "logging: {options: {a: true}}",
        # Nothing behind a key is the key left away.
        *(
            "networks: ",
            "network_mode: ",
            "healthcheck: ",
            "mem_limit: ",
            "cpus: ",
            "logging: ",
            "env_file: ",
            "pid: ",
            "build: ",
        ),
        # The same twice.
        *("networks: [default, default]", "depends_on: [other, other]", "security_opt: [a, a]"),
        # Keys that are ignored whatever they say.
        *(
            "expose: 80",
            "expose: [80.5]",
            "develop: {watch: [{path: ., action: copy}]}",
            "attach: 5",
            "cpu_percent: 150",
            "build: {dockerfile: D, dockerfile_inline: FROM a}",
            'build: {context: ., ulimits: {nofile: "5"}}',
        ),
        # What is left away has its default, and what need not be there need not be in the file.
        "depends_on: {other: {}}",
        "depends_on: {nobody: {condition: service_started, required: false}}",
        # Still to do.
        'environment: ["A = 1"]',
        *("ports: [{target: 80, host_ip: nas}]", "volumes: [{type: bind, target: /b}]"),
        "volumes: [{type: bind, source: /a, target: /x}, {type: bind, source: /b, target: /x/}]",
        "env_file: [{required: false}]",
        "deploy: {resources: {limits: {memory: 1g}}}\nmem_limit: 2g",
        "deploy: {resources: {limits: {cpus: 1}}}\ncpus: 2",
        "deploy: {resources: {reservations: {devices: [{driver: nvidia}]}}}",
    )
)

# The same of wrong_values.OF_A_SECTION.
TAKEN_SECTIONS = frozenset(
    (
        # Sections that are passed over.
        *("models: {m: {}}", "jobs: {j: {image: a}}"),
        # As above: not quite the type that is meant.
        *("networks: {n: {enable_ipv6: 1}}", "networks: {n: {driver_opts: {a: true}}}"),
        *("networks: {n: {driver_opts: {parent: }}}", "networks: {n: {driver_opts: [parent=eth0]}}"),
        # Still to do.
        "networks: {n: {external: {name: a}, name: b}}",
        *("volumes: {vol: {external: true, driver: local}}", "volumes: {vol: {external: true, labels: {a: b}}}"),
        *("configs: {c: {file: a, content: b}}", "secrets: {s: {file: a, environment: B}}"),
    )
)
