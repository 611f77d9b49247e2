/*
 * The clock of a pod, which a test shifts: preloaded, it adds to the time of day the seconds that
 * /run/test/clock holds, 8 bytes, also while the program runs. Monotonic time goes on as it is.
 */

#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *shift;

__attribute__((constructor)) static void map_shift(void) {
  int file = open("/run/test/clock", O_RDONLY | O_CLOEXEC);
  void *bytes = mmap(0, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);
  if (bytes != MAP_FAILED) shift = bytes;
  close(file);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  int result = syscall(SYS_clock_gettime, clock, time);
  int is_wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  if (result == 0 && is_wall && shift) time->tv_sec += *shift;
  return result;
}

int gettimeofday(struct timeval *restrict value, void *restrict zone) {
  (void)zone;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  value->tv_sec = now.tv_sec;
  value->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *result) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (result) *result = now.tv_sec;
  return now.tv_sec;
}
