# The recipe as people follow it by hand (docs/upstream-facts.md#recipe): a script, a unit, a shim with IPv4 only.
cat >/usr/local/bin/setup_docker_macvlan.sh <<'SCRIPT'
#!/bin/sh
case $1 in
start)
    ip link add macvlan-host link eth0 type macvlan mode bridge
    ip addr add 192.168.1.254/32 dev macvlan-host
    ip link set macvlan-host up
    ip route add 192.168.1.53 dev macvlan-host
    ip route add 192.168.1.54 dev macvlan-host
    ;;
stop) ip link del macvlan-host ;;
esac
SCRIPT
chmod 755 /usr/local/bin/setup_docker_macvlan.sh
cat >/etc/systemd/system/setup_docker_macvlan.service <<'UNIT'
[Unit]
Description=Host shim of the macvlan network
BindsTo=docker.service
After=docker.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/bin/setup_docker_macvlan.sh start
ExecStop=/usr/local/bin/setup_docker_macvlan.sh stop
[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable --now setup_docker_macvlan.service
