"""What a container mounts and which devices it has, in the Docker plugin's words."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_docker as docker

from config.service import Service
from config.service_parts import Volume


def storage(service: Service, others: Mapping[str, pulumi.Input[str]]) -> dict[str, Any]:
    """others: names of containers by their keys, for `volumes_from`."""
    mounts = [volume for volume in service.volumes if _needs_mount(volume)]
    volumes = [_volume(volume) for volume in service.volumes if not _needs_mount(volume)]
    return {
        "volumes": [*volumes, *(_from(text, others) for text in service.volumes_from)] or None,
        "mounts": [_mount(volume) for volume in mounts] or None,
        "tmpfs": {path: options for path, _, options in (text.partition(":") for text in service.tmpfs)} or None,
        "devices": [
            docker.ContainerDeviceArgs(host_path=one.source, container_path=one.target, permissions=one.permissions)
            for one in service.devices
        ]
        or None,
        "device_cgroup_rules": list(service.device_cgroup_rules) or None,
        "shm_size": service.shm_size,
        "storage_opts": service.storage_opt or None,
        "read_only": service.read_only or None,
    }


def _needs_mount(volume: Volume) -> bool:
    """Whether the plain form, with which Docker makes a folder that is missing, cannot say it."""
    bind, own = volume.bind, volume.volume
    if bind is not None and (bind.propagation is not None or not bind.create_host_path):
        return True
    return volume.type == "tmpfs" or (own is not None and (own.nocopy or own.subpath is not None))


def _volume(volume: Volume) -> docker.ContainerVolumeArgs:
    return docker.ContainerVolumeArgs(
        host_path=volume.source if volume.type == "bind" else None,
        volume_name=(volume.source or None) if volume.type == "volume" else None,
        container_path=volume.target,
        read_only=volume.read_only or None,
        selinux_relabel=None if volume.bind is None else volume.bind.selinux,
    )


def _from(text: str, others: Mapping[str, pulumi.Input[str]]) -> docker.ContainerVolumeArgs:
    """`KEY`, `KEY:ro` or `container:NAME`"""
    name, *mode = text.removeprefix("container:").split(":")
    source = name if text.startswith("container:") else others[name]
    return docker.ContainerVolumeArgs(from_container=source, read_only=True if mode == ["ro"] else None)


def _mount(volume: Volume) -> docker.ContainerMountArgs:
    bind, own, tmpfs = volume.bind, volume.volume, volume.tmpfs
    how: dict[str, Any] = {}
    if bind is not None and bind.propagation is not None:
        how["bind_options"] = docker.ContainerMountBindOptionsArgs(propagation=bind.propagation)
    if own is not None and (own.nocopy or own.subpath):
        how["volume_options"] = docker.ContainerMountVolumeOptionsArgs(no_copy=own.nocopy or None, subpath=own.subpath)
    if tmpfs is not None:
        how["tmpfs_options"] = docker.ContainerMountTmpfsOptionsArgs(size_bytes=tmpfs.size, mode=tmpfs.mode)
    return docker.ContainerMountArgs(
        type=volume.type,
        source=volume.source or None,
        target=volume.target,
        read_only=volume.read_only or None,
        **how,
    )
