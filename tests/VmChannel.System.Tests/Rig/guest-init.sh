#!/bin/bash
# First process of a test guest: loads the modules, lets the links be made, and runs what the test says over the serial line
# named on the kernel's command line. A line "ID SCRIPT" (backslash escapes) is answered by "@ID EXIT-CODE OUTPUT" (base64).
# Where systemd is the first process, this is a service of its, and the machine is ready as it is.
export PATH=/usr/sbin:/usr/bin:/bin HOME=/tmp TERM=dumb

if [ $$ = 1 ]; then
    mount -t proc proc /proc
    mount -t sysfs sysfs /sys
    mount -t devtmpfs devtmpfs /dev
    mount -t tmpfs tmpfs /tmp
    mount -t tmpfs tmpfs /run
    ln -s /proc/self/fd /dev/fd

    for module in /modules/*; do
        insmod "$module"
    done
fi

read -r words </proc/cmdline
for word in $words; do
    case $word in
        vmtest.line=*) line=/dev/${word#*=} ;;
        vmtest.links=*) links=${word#*=} ;;
    esac
done

[ $$ != 1 ] || [ "$links" = none ] || vmchannel-guest watch </dev/null >/dev/kmsg 2>&1 &

exec 3<>"$line"
stty raw -echo <&3
printf '\n@ready\n' >&3

work() {
    local id=$1 code
    printf -v script %b "$2"
    bash -c "$script" </dev/null >"/tmp/output.$id" 2>&1
    code=$?
    {
        flock 9
        printf '@%s %s %s\n' "$id" "$code" "$(base64 -w0 "/tmp/output.$id")" >&3
    } 9>/tmp/line.lock
    rm -f "/tmp/output.$id"
}

while read -r id text <&3; do
    work "$id" "$text" 3>&3 &
done
# The test has gone: the first process ends, and with it the machine (panic=-1).
