#!/bin/sh
# The first process of one machine of the fleet: gives it folders, a name and an address of its own, then waits.
#
# Started by machine.ts under unshare(1) as: machine.sh NAME ADDRESS/PREFIX SCRATCH HOSTS. A line on standard input says
# that the cable is there; its end is the end of the machine. As PID 1 this shell reaps every orphan.
set -eu
name=$1 address=$2 scratch=$3 hosts=$4

# What the machine writes is kept in memory, and is gone with it.
mount -t tmpfs -o mode=0755,size=1g tmpfs "$scratch"
for folder in etc home var tmp; do
  mkdir -p "$scratch/$folder/upper" "$scratch/$folder/work"
  chmod --reference="/$folder" "$scratch/$folder/upper"
  options="lowerdir=/$folder,upperdir=$scratch/$folder/upper,workdir=$scratch/$folder/work"
  if ! mount -t overlay -o "$options" overlay "/$folder" 2> /dev/null; then
    # Overlays stack two deep, and a container's root may be one. Then a copy, without what package managers keep;
    # /tmp is the same for all.
    if [ "$folder" = tmp ]; then continue; fi
    tar -C "/$folder" --exclude=./cache --exclude=./lib/apt --exclude=./lib/dpkg -cf - . |
      tar -C "$scratch/$folder/upper" -xpf -
    mount --bind "$scratch/$folder/upper" "/$folder"
  fi
done
mount -t tmpfs -o mode=0755 tmpfs /run
mkdir -m 1777 /run/lock
mount -t devpts -o "newinstance,ptmxmode=0666,mode=0620,gid=$(getent group tty | cut -d: -f3)" devpts /dev/pts
for file in /run/utmp /var/log/wtmp /var/log/lastlog; do install -m 0664 -g utmp /dev/null "$file"; done
install -m 0660 -g utmp /dev/null /var/log/btmp
rm -f /etc/nologin
cp "$hosts" /etc/hosts
echo "$name" > /etc/hostname
hostname "$name"

read -r _
ip link set lo up
ip address add "$address" dev eth0
ip link set eth0 up
echo ready
cat > /dev/null
