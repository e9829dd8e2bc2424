#!/bin/sh
COMMENT="User  with roles  created by Teleport."
id -u "" &>/dev/null  || /sbin/useradd -m -c "" "" 2> /tmp/pam.error
exit 0
