#!/bin/bash
# What an instance does on its first start. Runs as root, once; the variables above come from the stack.
# On the other ways this file does not exist: Lambda, ECS and Kubernetes do all of it.
set -euo pipefail
# An instance that fails to boot would count as one that works. Shut down, it is replaced, and its log has been shipped.
trap 'sleep 20; shutdown -h now' ERR

# Node is the runtime we own here, the agent ships the logs. Both come from Amazon Linux's repositories.
dnf install --assumeyes --quiet nodejs24 amazon-cloudwatch-agent unzip

# First of all the agent, so that a failure further down can be read.
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

cat > /etc/systemd/system/worker.service <<'UNIT'
[Unit]
Description=Resizes images
Wants=network-online.target
# Stopped in the reverse order: the last lines are still shipped.
After=network-online.target amazon-cloudwatch-agent.service
StartLimitIntervalSec=0

[Service]
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

# When the group takes this instance away: stop the worker, which finishes what it has begun, then say so. Kubernetes
# and ECS send SIGTERM; an Auto Scaling group only changes a word that somebody has to look at.
cat > /usr/local/bin/drain <<'DRAIN'
#!/bin/bash
set -euo pipefail
imds() {
  local token
  token=$(curl --silent --fail --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)
  curl --silent --fail --header "X-aws-ec2-metadata-token: $token" "http://169.254.169.254/latest/meta-data/$1"
}
# The group is made after this script is: its name is asked for when it is needed.
physical_id() {
  aws cloudformation describe-stack-resource --stack-name "$STACK_NAME" --logical-resource-id "$1" \
    --query StackResourceDetail.PhysicalResourceId --output text
}
until [ "$(imds autoscaling/target-lifecycle-state)" = Terminated ]; do sleep 5; done
systemctl stop worker
aws autoscaling complete-lifecycle-action --lifecycle-action-result CONTINUE --instance-id "$(imds instance-id)" \
  --auto-scaling-group-name "$(physical_id "$GROUP_ID")" --lifecycle-hook-name "$(physical_id "$HOOK_ID")"
DRAIN
chmod 0755 /usr/local/bin/drain

cat > /etc/systemd/system/drain.service <<UNIT
[Unit]
Description=Stops the worker when the Auto Scaling group takes this instance away
After=network-online.target

[Service]
Environment=AWS_DEFAULT_REGION=$AWS_REGION STACK_NAME=$STACK_NAME GROUP_ID=$GROUP_ID HOOK_ID=$HOOK_ID
ExecStart=/usr/local/bin/drain
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
UNIT

cat > /etc/logrotate.d/worker <<'ROTATE'
/var/log/worker/worker.log {
  size 50M
  rotate 2
  copytruncate
  missingok
}
ROTATE

systemctl daemon-reload
systemctl enable --now worker.service drain.service
