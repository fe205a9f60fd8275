#define _GNU_SOURCE
#include "posix_extras.h"
#include <errno.h>
#include <fcntl.h>
#ifdef __linux__
#include <sched.h>
#endif
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int resect_open_unnamed(const char *folder) {
#ifdef O_TMPFILE
  return open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
#else
  errno = EOPNOTSUPP;
  return -1;
#endif
}

void resect_begin_sync(int descriptor) {
#ifdef SYNC_FILE_RANGE_WRITE
  sync_file_range(descriptor, 0, 0, SYNC_FILE_RANGE_WRITE);
#endif
}

int resect_open_memory(const char *label) {
#ifdef MFD_CLOEXEC
  return memfd_create(label, MFD_CLOEXEC);
#else
  char name[] = "/tmp/resect-XXXXXX";
  int descriptor = mkstemp(name);
  if (descriptor >= 0) {
    unlink(name);
    fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  }
  return descriptor;
#endif
}

int resect_allowed_processors(void) {
#ifdef __linux__
  // The kernel refuses a set that is too small for all of the machine's processors.
  for (int most = 1024; most <= 1 << 20; most *= 4) {
    cpu_set_t *set = CPU_ALLOC(most);
    if (!set) return 0;
    size_t size = CPU_ALLOC_SIZE(most);
    int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : -1;
    CPU_FREE(set);
    if (count >= 0) return count;
    if (errno != EINVAL) return 0;
  }
#endif
  return 0;
}
