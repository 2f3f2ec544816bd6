#!/bin/bash
# What an instance does on its first start. Runs as root, once; the variables above come from the stack.
# On the other ways this file does not exist: Lambda, ECS and Kubernetes do all of it.
set -euo pipefail

# Runs when this script ends before its last line. The group takes an instance that does not come up for one that works: so
# the drain below has it replaced. Before that, what systemd knows of the worker is added to the log of the boot and shipped.
give_up() {
  set +e
  systemctl status worker --no-pager --full --lines 50
  sleep 20
  touch /run/boot-failed
  # Should the drain fail too.
  systemd-run --on-active=3min systemctl poweroff
}

cat > /etc/systemd/system/worker.service <<'UNIT'
[Unit]
Description=Resizes images
Wants=network-online.target
# Stopped in the reverse order: the last lines are still shipped.
After=network-online.target amazon-cloudwatch-agent.service
StartLimitIntervalSec=0

[Service]
# The start fails when Node is not there.
Type=exec
User=worker
EnvironmentFile=/etc/worker.env
WorkingDirectory=/opt/worker
ExecStart=/usr/bin/node-24 /opt/worker/index.js
Restart=always
RestartSec=5
# SIGTERM to the worker alone: it decides what its decoders still finish.
KillMode=mixed
TimeoutStopSec=90
# A decoder that the kernel ends for its memory is the worker's to judge.
OOMPolicy=continue
StandardOutput=append:/var/log/worker/worker.log
StandardError=append:/var/log/worker/worker.log
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
CapabilityBoundingSet=
SystemCallArchitectures=native
LockPersonality=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
# What a service needs, and `seccomp`, by which a process can only give up more. Not what @system-service has besides and
# Node does without: io_uring and other asynchronous I/O, the kernel's keys, and the memory of other processes. On the
# other ways the platform brings a filter of its own.
SystemCallFilter=@system-service seccomp
SystemCallFilter=~@aio @keyring kcmp migrate_pages move_pages process_madvise process_vm_readv process_vm_writev userfaultfd
# Refused, and not killed: Node asks for io_uring at every start.
SystemCallErrorNumber=EPERM
# Threads count: a dozen for the worker, almost twenty for a decode slot. Without them good pictures are rejected.
TasksMax=1024

[Install]
WantedBy=multi-user.target
UNIT

# When this instance has to go: stop the worker, which finishes what it has begun, and then say so. ECS and Kubernetes send
# SIGTERM. An Auto Scaling group changes a word in the metadata of the instance, and waits for a while. Of two reasons to go
# it does not know: it is told, and starts another instance meanwhile.
# - The boot has failed.
# - AWS takes a Spot instance back. It announces that two minutes ahead to the instance and not to the group, which would
#   only find it gone. It may also happen unannounced: then what the worker held is delivered again.
cat > /usr/local/bin/drain <<'DRAIN'
#!/bin/bash
set -euo pipefail
imds() {
  local token
  token=$(curl --silent --fail --max-time 5 --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)
  curl --silent --fail --max-time 5 --header "X-aws-ec2-metadata-token: $token" "http://169.254.169.254/latest/meta-data/$1"
}
taken_away() { [ "$(imds autoscaling/target-lifecycle-state)" = Terminated ]; }

until taken_away || imds spot/instance-action > /dev/null || [ -e /run/boot-failed ]; do sleep 5; done
instance=$(imds instance-id)
taken_away || aws autoscaling set-instance-health --instance-id "$instance" --health-status Unhealthy --no-should-respect-grace-period
systemctl stop worker
until taken_away; do sleep 5; done
aws autoscaling complete-lifecycle-action --lifecycle-action-result CONTINUE --lifecycle-hook-name Drain \
  --instance-id "$instance" --auto-scaling-group-name "$(imds tags/instance/aws:autoscaling:groupName)"
DRAIN
chmod 0755 /usr/local/bin/drain

cat > /etc/systemd/system/drain.service <<UNIT
[Unit]
Description=Stops the worker when this instance has to go
After=network-online.target

[Service]
Environment=AWS_DEFAULT_REGION=$AWS_REGION
ExecStart=/usr/local/bin/drain
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
UNIT

systemctl daemon-reload
# Before anything can fail.
systemctl enable --now drain.service

# Node is the runtime we own here, the agent ships the logs, `cfn-signal` tells a rollout how this script ended. All come
# from Amazon Linux's repositories.
dnf install --assumeyes --quiet nodejs24 amazon-cloudwatch-agent aws-cfn-bootstrap logrotate unzip

# Next the agent, so that a failure further down can be read.
cat > /opt/aws/amazon-cloudwatch-agent/etc/worker.json <<AGENT
{
  "agent": { "run_as_user": "root" },
  "logs": {
    "logs_collected": {
      "files": {
        "collect_list": [
          { "file_path": "/var/log/worker/worker.log", "log_group_name": "$LOG_GROUP", "log_stream_name": "{instance_id}/worker", "retention_in_days": -1 },
          { "file_path": "/var/log/cloud-init-output.log", "log_group_name": "$LOG_GROUP", "log_stream_name": "{instance_id}/boot", "retention_in_days": -1 }
        ]
      }
    }
  }
}
AGENT
/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c file:/opt/aws/amazon-cloudwatch-agent/etc/worker.json

# The worker: the same bundle as in the containers. It is fetched anew at every boot, and whoever may write to the bucket
# that it comes from could have put another one there. So it is checked first, in a folder that only root can enter. The
# zip itself is not yet made when the stack is synthesized; its files are.
aws s3 cp --only-show-errors "$BUNDLE_URL" /tmp/worker.zip
mkdir --mode=0700 /opt/unchecked
unzip -q /tmp/worker.zip -d /opt/unchecked
rm /tmp/worker.zip
# A line for each file, with its SHA-256 and its name, and a line for all that is neither file nor folder, such as a link.
digest=$(cd /opt/unchecked && { find . -type f -exec sha256sum --zero {} + && find . ! -type f ! -type d -print0; } \
  | LC_ALL=C sort --zero-terminated | sha256sum | cut --delimiter=' ' --fields=1)
if [ "$digest" != "$BUNDLE_DIGEST" ]; then
  echo "Not started: $BUNDLE_URL is not the worker that was deployed, its files have the SHA-256 $digest and not $BUNDLE_DIGEST. Find out who wrote it, delete it, and deploy again" >&2
  false
fi
# Whatever the zip says about who may write.
chmod --recursive u=rwX,go=rX /opt/unchecked
mv /opt/unchecked /opt/worker
useradd --system --home-dir /opt/worker --shell /sbin/nologin worker
install --directory --owner=worker --group=worker --mode=0750 /var/log/worker

printf '%s\n' "$WORKER_ENVIRONMENT" > /etc/worker.env

cat > /etc/logrotate.d/worker <<'ROTATE'
/var/log/worker/worker.log {
  size 50M
  rotate 2
  # Because the worker keeps the file open. A line that is written in this moment may be lost.
  copytruncate
  missingok
}
ROTATE

systemctl enable --now logrotate.timer worker.service
# A worker that ends at once is started again and again. One that can take work says so.
seconds=60
until grep --quiet '"State":"started"' /var/log/worker/worker.log; do
  if [ "$(systemctl show worker --property NRestarts --value)" != 0 ] || (( seconds-- == 0 )); then
    echo 'Not started: the worker ended, or was not ready within a minute. What it said is in the log stream "worker" of this instance; what systemd knows of it follows' >&2
    false
  fi
  sleep 1
done
