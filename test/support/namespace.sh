#!/bin/sh
# The first process of the test namespaces: makes a private copy of the machine's folders, then runs "$@".
#
# Started by namespace.ts under unshare(1). SALLYPORT_TEST_NAMESPACE is an empty folder to keep the copies in memory.
# As PID 1 this shell reaps every orphan; when it ends the kernel kills whatever is left.
set -eu

scratch=$SALLYPORT_TEST_NAMESPACE
mount -t tmpfs -o mode=0755 tmpfs "$scratch"
for folder in etc home var tmp; do
  mkdir -p "$scratch/$folder/upper" "$scratch/$folder/work"
  chmod --reference="/$folder" "$scratch/$folder/upper"
  mount -t overlay \
    -o "lowerdir=/$folder,upperdir=$scratch/$folder/upper,workdir=$scratch/$folder/work" overlay "/$folder"
done
mount -t tmpfs -o mode=0755 tmpfs /run
mkdir -m 1777 /run/lock
mkdir -m 0755 /run/sshd
mount -t devpts -o "newinstance,ptmxmode=0666,mode=0620,gid=$(getent group tty | cut -d: -f3)" devpts /dev/pts
# Login records, empty, as Debian makes them.
for file in /run/utmp /var/log/wtmp /var/log/lastlog; do install -m 0664 -g utmp /dev/null "$file"; done
install -m 0660 -g utmp /dev/null /var/log/btmp
hostname sallyport-test
ip link set lo up

# libpam-script puts itself in front of the others in every stack of the machine; the tests name the modules they mean.
sed -i '/pam_script\.so/d; s/ use_authtok try_first_pass//' /etc/pam.d/common-*
# A nologin or lastlog of the real machine is none of the tests' business.
rm -f /etc/nologin /etc/motd

code=0
"$@" || code=$?
exit "$code"
