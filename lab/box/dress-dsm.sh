# Run as root in the image: what of DSM 7.2 is not just a file.
set -eu

# Docker: its client out of a command's PATH, its unit made anew under a package's name when a disk is made.
target=/var/packages/ContainerManager/target/usr/bin
mkdir -p "$target" /usr/local/bin /usr/local/etc/rc.d /usr/local/lib/systemd/system
mv /usr/bin/docker "$target/docker"
ln -s "$target/docker" /usr/local/bin/docker
systemctl disable --quiet docker.service docker.socket
rm /usr/lib/systemd/system/docker.service /usr/lib/systemd/system/docker.socket
# systemd would make a docker.service of this.
rm /etc/init.d/docker /etc/rc*.d/*docker

# People: group administrators is 101, whatever Debian gave that number to.
other=$(getent group 101 | cut -d: -f1)
if [ -n "$other" ]; then
	groupmod --gid 799 "$other"
	find / -xdev -gid 101 -exec chgrp -h "$other" {} +
fi
groupadd --gid 101 administrators
mkdir -p /volume1/docker /volume1/homes /var/services
ln -s /volume1/homes /var/services/homes
rm -f /etc/skel/.[!.]*
chmod 440 /etc/sudoers

# SFTP is off until it is ticked in the control panel.
sed -i '/^Subsystem[[:space:]]*sftp/d' /etc/ssh/sshd_config

ln -s /etc.defaults/VERSION /etc/VERSION
cp /etc.defaults/synoinfo.conf /etc/synoinfo.conf
mkdir -p /usr/syno/bin /usr/syno/etc/esynoscheduler

# The shell is busybox. The static one of Debian would take its own applets (`ip`!) for the programs of that name, so
# it is for the containers' images only, see lab/box/image.py.
ln -sf busybox /usr/bin/sh
rm /usr/bin/nsenter
mv /usr/bin/ip /usr/lib/lab/ip
mv /usr/lib/lab/ip-of-dsm /usr/bin/ip
systemctl enable --quiet usr-local-rc.service esynoscheduler.service
