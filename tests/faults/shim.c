/* What a program changes, counted and made to fail: preloaded into it and into every program that it starts.

   Each call that changes a file, a folder, or the other side of a connection is a step. The steps of all processes and
   threads have one number, in a file that they map together (`struct plan`, written by shim.py): at the step with the
   number `at`, the fault happens, once. Calls that the C library makes inside itself (those of stdio) are not seen. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind { OPEN = 1, WRITE = 2, RENAME = 4, LINK = 8, UNLINK = 16, MKDIR = 32, SYNC = 64, TRUNCATE = 128, SEND = 256, CHMOD = 512 };
enum fault { NOTHING, KILL, TEAR, FAIL, JUMP };

/* The order and the sizes are those of `_PLAN` in shim.py. */
struct plan {
    int64_t steps, at, kinds, fault, error, jump; /* jump: seconds that the clock goes on, or back */
    int64_t room;                                 /* bytes that fit on the disk of `below`; negative: any number */
    int64_t offset;                               /* seconds by which the clock is wrong */
    char below[1024];                             /* steps elsewhere do not count */
    char fired[1024];                             /* which step had the fault */
};

static struct plan *plan;

void shim_begin(const char *path) {
    int file = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    if (file < 0) return;
    void *at = mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    syscall(SYS_close, file);
    if (at != MAP_FAILED) plan = at;
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("SHIM_PLAN");
    if (path) shim_begin(path);
}

static int is_below(const char *path) {
    size_t length = strlen(plan->below);
    int is_device = !strncmp(path, "/dev/", 5) && strncmp(path, "/dev/shm/", 9);
    if (is_device || !strncmp(path, "/proc/", 6)) return 0;
    return !strncmp(path, plan->below, length) && (!path[length] || path[length] == '/' || length <= 1);
}

static void path_of(int file, char *path, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, size - 1);
    path[length < 0 ? 0 : length] = 0;
}

static void path_at(int folder, const char *name, char *path, size_t size) {
    if (name[0] == '/') {
        snprintf(path, size, "%s", name);
        return;
    }
    if (folder == AT_FDCWD) {
        if (syscall(SYS_getcwd, path, size) < 0) path[0] = 0;
    } else {
        path_of(folder, path, size);
    }
    size_t length = strlen(path);
    snprintf(path + length, size - length, "/%s", name);
}

static int is_network(int file) {
    int domain = 0;
    socklen_t size = sizeof domain;
    return !getsockopt(file, SOL_SOCKET, SO_DOMAIN, &domain, &size) && (domain == AF_INET || domain == AF_INET6);
}

static void die(void) {
    kill(0, SIGKILL);
    for (;;) pause();
}

/* Whether this step has the fault. */
static int is_due(enum kind kind, const char *name, const char *path) {
    if (!(plan->kinds & kind)) return 0;
    if (__atomic_fetch_add(&plan->steps, 1, __ATOMIC_SEQ_CST) != plan->at) return 0;
    snprintf(plan->fired, sizeof plan->fired, "%s %s", name, path);
    return 1;
}

/* The error that this step ends with; 0: it is to be done. */
static int step(enum kind kind, const char *name, const char *path) {
    if (!is_due(kind, name, path)) return 0;
    if (plan->fault == KILL || plan->fault == TEAR) die();
    if (plan->fault == JUMP) plan->offset += plan->jump;
    return plan->fault == FAIL ? (int)plan->error : 0;
}

static int failed(int error) {
    errno = error;
    return -1;
}

/* A step at a path. A full disk has no room for a new name either. */
static int at_path(enum kind kind, const char *name, int folder, const char *target) {
    char path[4096];
    if (!plan) return 0;
    path_at(folder, target, path, sizeof path);
    if (!is_below(path)) return 0;
    if (!plan->room && (kind & (OPEN | MKDIR | LINK))) {
        struct stat status;
        if (fstatat(folder, target, &status, AT_SYMLINK_NOFOLLOW)) return ENOSPC;
    }
    return step(kind, name, path);
}

static int at_file(enum kind kind, const char *name, int file) {
    char path[4096];
    if (!plan || file <= 2) return 0;
    path_of(file, path, sizeof path);
    return is_below(path) ? step(kind, name, path) : 0;
}

/* How much of a write of `size` bytes is to be done; negative: none of it, with this error. Tears it, too. */
static ssize_t allowed(int file, const char *name, size_t size, int *torn) {
    char path[4096];
    struct stat status;
    *torn = 0;
    if (!plan || file <= 2 || fstat(file, &status)) return size;
    int sends = S_ISSOCK(status.st_mode);
    if (sends ? !is_network(file) : !S_ISREG(status.st_mode)) return size;
    path_of(file, path, sizeof path);
    if (!sends && !is_below(path)) return size;
    if (is_due(sends ? SEND : WRITE, name, path)) {
        if (plan->fault == KILL) die();
        if (plan->fault == TEAR) *torn = 1;
        if (plan->fault == TEAR) return size / 2;
        if (plan->fault == JUMP) plan->offset += plan->jump;
        if (plan->fault == FAIL) return sends ? -ECONNRESET : -plan->error;
    }
    if (sends || plan->room < 0) return size;
    int64_t left = __atomic_fetch_sub(&plan->room, (int64_t)size, __ATOMIC_SEQ_CST);
    if (left >= (int64_t)size) return size;
    __atomic_store_n(&plan->room, 0, __ATOMIC_SEQ_CST);
    return left > 0 ? left : -ENOSPC;
}

/* `CALL` is done with `size` bytes; all writing looks like this. */
#define WRITING(NAME, CALL)                       \
    int torn;                                     \
    ssize_t size = allowed(file, NAME, count, &torn); \
    if (size < 0) return failed(-size);           \
    ssize_t done = (CALL);                        \
    if (torn) die();                              \
    return done;

ssize_t write(int file, const void *data, size_t count) { WRITING("write", syscall(SYS_write, file, data, size)) }

ssize_t pwrite64(int file, const void *data, size_t count, off64_t at) {
    WRITING("pwrite", syscall(SYS_pwrite64, file, data, size, at))
}
ssize_t pwrite(int file, const void *data, size_t count, off_t at) { return pwrite64(file, data, count, at); }

ssize_t send(int file, const void *data, size_t count, int flags) {
    WRITING("send", syscall(SYS_sendto, file, data, size, flags, NULL, 0))
}

ssize_t sendto(int file, const void *data, size_t count, int flags, const struct sockaddr *to, socklen_t length) {
    WRITING("sendto", syscall(SYS_sendto, file, data, size, flags, to, length))
}

ssize_t copy_file_range(int from, off64_t *at, int file, off64_t *to, size_t count, unsigned flags) {
    WRITING("copy_file_range", syscall(SYS_copy_file_range, from, at, file, to, size, flags))
}

ssize_t sendfile64(int file, int from, off64_t *at, size_t count) {
    WRITING("sendfile", syscall(SYS_sendfile, file, from, at, size))
}
ssize_t sendfile(int file, int from, off_t *at, size_t count) { return sendfile64(file, from, at, count); }

/* Of several pieces, the first that is longer than what may be written is cut, and those after it are left out. */
static int cut(const struct iovec *from, int count, size_t size, struct iovec *to) {
    int used = 0;
    for (; used < count && size; used++) {
        to[used] = from[used];
        if (to[used].iov_len > size) to[used].iov_len = size;
        size -= to[used].iov_len;
    }
    return used;
}

static size_t total(const struct iovec *pieces, int count) {
    size_t sum = 0;
    for (int i = 0; i < count; i++) sum += pieces[i].iov_len;
    return sum;
}

ssize_t writev(int file, const struct iovec *pieces, int number) {
    struct iovec some[1024];
    size_t count = total(pieces, number);
    if (number > 1024) return failed(EINVAL);
    WRITING("writev", syscall(SYS_writev, file, some, cut(pieces, number, size, some)))
}

ssize_t sendmsg(int file, const struct msghdr *message, int flags) {
    struct iovec some[1024];
    struct msghdr shorter = *message;
    size_t count = total(message->msg_iov, message->msg_iovlen);
    if (message->msg_iovlen > 1024) return failed(EINVAL);
    shorter.msg_iov = some;
    WRITING("sendmsg", (shorter.msg_iovlen = cut(message->msg_iov, message->msg_iovlen, size, some),
                        syscall(SYS_sendmsg, file, &shorter, flags)))
}

static int open_at(int folder, const char *path, int flags, mode_t mode) {
    if (flags & (O_CREAT | O_TRUNC)) {
        int error = at_path(OPEN, "open", folder, path);
        if (error) return failed(error);
    }
    return syscall(SYS_openat, folder, path, flags, mode);
}

#define WITH_MODE                    \
    va_list more;                    \
    va_start(more, flags);           \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
    va_end(more);

int openat(int folder, const char *path, int flags, ...) { WITH_MODE return open_at(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { WITH_MODE return open_at(folder, path, flags, mode); }
int open(const char *path, int flags, ...) { WITH_MODE return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { WITH_MODE return open_at(AT_FDCWD, path, flags, mode); }
int creat(const char *path, mode_t mode) { return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

/* `CALL` is done unless the step ends with an error. */
#define STEP(ERROR, CALL)              \
    int error = (ERROR);               \
    return error ? failed(error) : (int)(CALL);

int renameat2(int from, const char *old, int to, const char *new, unsigned flags) {
    STEP(at_path(RENAME, "rename", to, new), syscall(SYS_renameat2, from, old, to, new, flags))
}
int renameat(int from, const char *old, int to, const char *new) { return renameat2(from, old, to, new, 0); }
int rename(const char *old, const char *new) { return renameat2(AT_FDCWD, old, AT_FDCWD, new, 0); }

int linkat(int from, const char *old, int to, const char *new, int flags) {
    STEP(at_path(LINK, "link", to, new), syscall(SYS_linkat, from, old, to, new, flags))
}
int link(const char *old, const char *new) { return linkat(AT_FDCWD, old, AT_FDCWD, new, 0); }
int symlinkat(const char *to, int folder, const char *path) {
    STEP(at_path(LINK, "symlink", folder, path), syscall(SYS_symlinkat, to, folder, path))
}
int symlink(const char *to, const char *path) { return symlinkat(to, AT_FDCWD, path); }

int unlinkat(int folder, const char *path, int flags) {
    STEP(at_path(UNLINK, "unlink", folder, path), syscall(SYS_unlinkat, folder, path, flags))
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int folder, const char *path, mode_t mode) {
    STEP(at_path(MKDIR, "mkdir", folder, path), syscall(SYS_mkdirat, folder, path, mode))
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int fchmod(int file, mode_t mode) { STEP(at_file(CHMOD, "fchmod", file), syscall(SYS_fchmod, file, mode)) }
int chmod(const char *path, mode_t mode) {
    STEP(at_path(CHMOD, "chmod", AT_FDCWD, path), syscall(SYS_fchmodat, AT_FDCWD, path, mode))
}
int fsync(int file) { STEP(at_file(SYNC, "fsync", file), syscall(SYS_fsync, file)) }
int fdatasync(int file) { STEP(at_file(SYNC, "fdatasync", file), syscall(SYS_fdatasync, file)) }
int ftruncate64(int file, off64_t size) {
    STEP(at_file(TRUNCATE, "ftruncate", file), syscall(SYS_ftruncate, file, size))
}
int ftruncate(int file, off_t size) { return ftruncate64(file, size); }

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, clock, now);
    if (!result && plan && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += plan->offset;
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *also) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (also) *also = now.tv_sec;
    return now.tv_sec;
}
