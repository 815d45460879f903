"""What a container mounts and which devices it has, in the Docker plugin's words."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_docker as docker

from config.service import Service
from config.service_parts import Volume


def storage(service: Service, others: Mapping[str, pulumi.Input[str]]) -> dict[str, Any]:
    """others: names of containers by their keys, for `volumes_from`."""
    volumes = [_volume(volume) for volume in service.volumes if volume.is_plain]
    return {
        "volumes": [*volumes, *(_from(text, others) for text in service.volumes_from)] or None,
        "mounts": [_mount(volume) for volume in service.volumes if not volume.is_plain] or None,
        "tmpfs": {path: options for path, _, options in (text.partition(":") for text in service.tmpfs)} or None,
        "devices": [
            docker.ContainerDeviceArgs(host_path=one.source, container_path=one.target, permissions=one.permissions)
            for one in service.devices
            if not one.is_cdi
        ]
        or None,
        "device_cgroup_rules": list(service.device_cgroup_rules) or None,
        "shm_size": service.shm_size,
        "storage_opts": service.storage_opt or None,
        "read_only": service.read_only or None,
    }


def _volume(volume: Volume) -> docker.ContainerVolumeArgs:
    return docker.ContainerVolumeArgs(
        host_path=volume.source if volume.type == "bind" else None,
        volume_name=(volume.source or None) if volume.type == "volume" else None,
        container_path=volume.target,
        read_only=volume.read_only or None,
        selinux_relabel=None if volume.bind is None else volume.bind.selinux,
    )


def _from(text: str, others: Mapping[str, pulumi.Input[str]]) -> docker.ContainerVolumeArgs:
    """`KEY`, `container:NAME`, and `:ro` behind these. The plugin hands the text over to Docker, and its `readOnly` is
    for other volumes."""
    name, colon, mode = text.removeprefix("container:").partition(":")
    source = name if text.startswith("container:") else others[name]
    return docker.ContainerVolumeArgs(from_container=pulumi.Output.concat(source, colon, mode))


def _mount(volume: Volume) -> docker.ContainerMountArgs:
    """A block of options that says nothing is left out: old engines refuse that of a volume, whatever is in it."""
    bind, own, tmpfs = volume.bind, volume.volume, volume.tmpfs
    how: dict[str, Any] = {}
    if bind is not None and bind.propagation is not None:
        how["bind_options"] = docker.ContainerMountBindOptionsArgs(propagation=bind.propagation)
    if own is not None and (own.nocopy or own.subpath):
        how["volume_options"] = docker.ContainerMountVolumeOptionsArgs(no_copy=own.nocopy or None, subpath=own.subpath)
    if tmpfs is not None and (tmpfs.size, tmpfs.mode) != (None, None):
        how["tmpfs_options"] = docker.ContainerMountTmpfsOptionsArgs(size_bytes=tmpfs.size, mode=tmpfs.mode)
    return docker.ContainerMountArgs(
        type=volume.type,
        source=volume.source or None,
        target=volume.target,
        read_only=volume.read_only or None,
        **how,
    )
