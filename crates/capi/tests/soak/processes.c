/* What this process has. */
#include "soak.h"

#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static int entries(const char *folder) {
    DIR *opened = opendir(folder);
    int count = 0;
    SOAK_CHECK(opened != NULL, "no %s", folder);
    while (readdir(opened)) count++;
    closedir(opened);
    return count;
}

int process_descriptors(void) {
    return entries("/proc/self/fd");
}

void process_tell(const char *folder) {
    char path[300], target[300];
    DIR *opened = opendir(folder);
    struct dirent *entry;
    while (opened && (entry = readdir(opened))) {
        ssize_t len;
        snprintf(path, sizeof path, "%s/%.200s", folder, entry->d_name);
        len = readlink(path, target, sizeof target - 1);
        fprintf(stderr, "  %s -> %.*s\n", path, len > 0 ? (int)len : 0, target);
    }
    if (opened) closedir(opened);
}

int process_threads(void) {
    return entries("/proc/self/task");
}

void process_forbid_rings(void) {
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof program / sizeof program[0], program};
    SOAK_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "prctl");
    SOAK_CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0, "seccomp");
}
