/*
 * A file system that can fail: faultfs CONTROL-SOCKET MOUNT-POINT. Every read, write and fsync comes through here (direct I/O, no caching of names),
 * and a line on the control socket brings about a fault; each is answered by a line. See README.md for the commands.
 */
#define FUSE_USE_VERSION 31
#include "image.h"
#include <errno.h>
#include <fuse.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFAULT_TOTAL_BYTES (1ull << 30)

/* Fails `count` operations (-1: all) after letting `after` pass. */
struct failure {
  long after, count;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct failure fail_sync, fail_sync_names, fail_write, fail_read;
static bool is_off, is_read_only;
static uint64_t total_bytes = DEFAULT_TOTAL_BYTES, others_bytes;
static uint64_t sync_count, write_count, written_bytes, failed_count;

static bool fails(struct failure *failure) {
  if (failure->count == 0) return false;
  if (failure->after > 0) {
    failure->after--;
    return false;
  }
  if (failure->count > 0) failure->count--;
  failed_count++;
  return true;
}

/* Every operation: one at a time, and none while the power is off. */
#define OPERATION                                                                                                      \
  __attribute__((cleanup(leave))) int entered = enter();                                                               \
  if (is_off) return -EIO

#define CHANGING                                                                                                       \
  OPERATION;                                                                                                           \
  if (is_read_only) return -EROFS

static int enter(void) {
  pthread_mutex_lock(&lock);
  return 0;
}

static void leave(int *entered) {
  (void)entered;
  pthread_mutex_unlock(&lock);
}

static struct inode *inode_of(const char *path, struct fuse_file_info *info) {
  return info != NULL && info->fh != 0 ? (struct inode *)info->fh : image_find(path);
}

static uint64_t free_bytes(void) {
  uint64_t used = image_used() + others_bytes;
  return used < total_bytes ? total_bytes - used : 0;
}

static void *fs_init(struct fuse_conn_info *connection, struct fuse_config *config) {
  (void)connection;
  config->direct_io = 1;
  config->kernel_cache = 0;
  config->entry_timeout = config->attr_timeout = config->negative_timeout = 0;
  config->use_ino = 1;
  config->hard_remove = 1;
  config->nullpath_ok = 1;
  return NULL;
}

static int fs_getattr(const char *path, struct stat *stat, struct fuse_file_info *info) {
  OPERATION;
  struct inode *inode = inode_of(path, info);
  if (inode == NULL) return -ENOENT;
  memset(stat, 0, sizeof *stat);
  stat->st_ino = inode->number;
  stat->st_mode = inode->mode;
  stat->st_nlink = S_ISDIR(inode->mode) ? 2 : (nlink_t)inode->links;
  stat->st_size = (off_t)inode->now.size;
  stat->st_blocks = (blkcnt_t)((inode->now.size + PAGE_BYTES - 1) / PAGE_BYTES * (PAGE_BYTES / 512));
  stat->st_blksize = PAGE_BYTES;
  stat->st_mtim = stat->st_ctim = stat->st_atim = inode->modified;
  stat->st_uid = getuid();
  stat->st_gid = getgid();
  return 0;
}

static int fs_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset, struct fuse_file_info *info,
                      enum fuse_readdir_flags flags) {
  (void)offset, (void)flags;
  OPERATION;
  struct inode *inode = inode_of(path, info);
  if (inode == NULL) return -ENOENT;
  fill(buffer, ".", NULL, 0, 0);
  fill(buffer, "..", NULL, 0, 0);
  for (size_t i = 0; i < inode->names_now.count; i++) fill(buffer, inode->names_now.entries[i].name, NULL, 0, 0);
  return 0;
}

static int open_inode(struct inode *inode, struct fuse_file_info *info) {
  inode->handles++;
  info->fh = (uint64_t)inode;
  return 0;
}

static int fs_opendir(const char *path, struct fuse_file_info *info) {
  OPERATION;
  struct inode *inode = image_find(path);
  return inode == NULL ? -ENOENT : open_inode(inode, info);
}

static int create(const char *path, mode_t mode) {
  const char *name;
  if (image_find(path) != NULL) return -EEXIST;
  if (image_parent(path, &name) == NULL) return -ENOENT;
  if (free_bytes() == 0) return -ENOSPC;
  image_create(path, mode);
  return 0;
}

static int fs_mkdir(const char *path, mode_t mode) {
  CHANGING;
  return create(path, S_IFDIR | mode);
}

static int fs_mknod(const char *path, mode_t mode, dev_t device) {
  (void)device;
  CHANGING;
  return create(path, mode);
}

static int fs_create(const char *path, mode_t mode, struct fuse_file_info *info) {
  CHANGING;
  int result = create(path, S_IFREG | mode);
  return result == 0 ? open_inode(image_find(path), info) : result;
}

static int fs_open(const char *path, struct fuse_file_info *info) {
  OPERATION;
  struct inode *inode = image_find(path);
  if (inode == NULL) return -ENOENT;
  if (is_read_only && (info->flags & O_ACCMODE) != O_RDONLY) return -EROFS;
  return open_inode(inode, info);
}

/* Letting go is no operation of the disk: it works while the power is off. */
static int fs_release(const char *path, struct fuse_file_info *info) {
  (void)path;
  __attribute__((cleanup(leave))) int entered = enter();
  if (info->fh != 0) image_release((struct inode *)info->fh);
  return 0;
}

static int fs_read(const char *path, char *buffer, size_t length, off_t offset, struct fuse_file_info *info) {
  OPERATION;
  struct inode *inode = inode_of(path, info);
  if (fails(&fail_read)) return -EIO;
  if ((size_t)offset >= inode->now.size) return 0;
  if (length > inode->now.size - (size_t)offset) length = inode->now.size - (size_t)offset;
  memcpy(buffer, inode->now.bytes + offset, length);
  return (int)length;
}

static int fs_write(const char *path, const char *bytes, size_t length, off_t offset, struct fuse_file_info *info) {
  CHANGING;
  struct inode *inode = inode_of(path, info);
  if (fails(&fail_write)) return -EIO;
  size_t end = (size_t)offset + length;
  if (end > inode->now.size) {
    size_t have = (inode->now.size + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES + free_bytes() / PAGE_BYTES * PAGE_BYTES;
    if ((size_t)offset >= have) return -ENOSPC;
    /* What still fits is written, as on any disk that fills up. */
    if (end > have) length = have - (size_t)offset;
  }
  image_write(inode, bytes, length, offset);
  write_count++;
  written_bytes += length;
  return (int)length;
}

static int fs_truncate(const char *path, off_t size, struct fuse_file_info *info) {
  CHANGING;
  struct inode *inode = inode_of(path, info);
  if (inode == NULL) return -ENOENT;
  if ((size_t)size > inode->now.size && (uint64_t)size - inode->now.size > free_bytes()) return -ENOSPC;
  image_truncate(inode, size);
  return 0;
}

static int fs_fsync(const char *path, int is_data_only, struct fuse_file_info *info) {
  (void)is_data_only;
  OPERATION;
  struct inode *inode = inode_of(path, info);
  sync_count++;
  if (fails(S_ISDIR(inode->mode) ? &fail_sync_names : &fail_sync)) {
    image_sync_failed(inode);
    return -EIO;
  }
  if (is_read_only) return 0;
  image_sync(inode);
  return 0;
}

static int fs_unlink(const char *path) {
  CHANGING;
  if (image_find(path) == NULL) return -ENOENT;
  image_unlink(path);
  return 0;
}

static int fs_rmdir(const char *path) {
  CHANGING;
  struct inode *inode = image_find(path);
  if (inode == NULL) return -ENOENT;
  if (inode->names_now.count > 0) return -ENOTEMPTY;
  image_unlink(path);
  return 0;
}

static int fs_rename(const char *from, const char *to, unsigned int flags) {
  const char *name;
  CHANGING;
  if (flags != 0) return -EINVAL;
  if (image_find(from) == NULL || image_parent(to, &name) == NULL) return -ENOENT;
  image_rename(from, to);
  return 0;
}

static int fs_access(const char *path, int mode) {
  OPERATION;
  if (image_find(path) == NULL) return -ENOENT;
  return is_read_only && (mode & W_OK) ? -EROFS : 0;
}

static int fs_statfs(const char *path, struct statvfs *stat) {
  (void)path;
  OPERATION;
  memset(stat, 0, sizeof *stat);
  stat->f_bsize = stat->f_frsize = PAGE_BYTES;
  stat->f_blocks = total_bytes / PAGE_BYTES;
  stat->f_bfree = stat->f_bavail = free_bytes() / PAGE_BYTES;
  stat->f_files = stat->f_ffree = 1u << 20;
  stat->f_namemax = 255;
  return 0;
}

static int fs_chmod(const char *path, mode_t mode, struct fuse_file_info *info) {
  CHANGING;
  struct inode *inode = inode_of(path, info);
  if (inode == NULL) return -ENOENT;
  inode->mode = (inode->mode & S_IFMT) | (mode & 07777);
  return 0;
}

static int fs_chown(const char *path, uid_t user, gid_t group, struct fuse_file_info *info) {
  (void)path, (void)user, (void)group, (void)info;
  return 0;
}

static int fs_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *info) {
  CHANGING;
  struct inode *inode = inode_of(path, info);
  if (inode == NULL) return -ENOENT;
  if (times[1].tv_nsec != UTIME_OMIT && times[1].tv_nsec != UTIME_NOW) inode->modified = times[1];
  return 0;
}

static const struct fuse_operations operations = {
    .init = fs_init,
    .getattr = fs_getattr,
    .readdir = fs_readdir,
    .opendir = fs_opendir,
    .releasedir = fs_release,
    .fsyncdir = fs_fsync,
    .mkdir = fs_mkdir,
    .mknod = fs_mknod,
    .create = fs_create,
    .open = fs_open,
    .release = fs_release,
    .read = fs_read,
    .write = fs_write,
    .truncate = fs_truncate,
    .fsync = fs_fsync,
    .unlink = fs_unlink,
    .rmdir = fs_rmdir,
    .rename = fs_rename,
    .access = fs_access,
    .statfs = fs_statfs,
    .chmod = fs_chmod,
    .chown = fs_chown,
    .utimens = fs_utimens,
};

/* Carry out a line; the answer begins with ok or error. */
static void command(char *line, char *answer, size_t size) {
  char kind[16], path[512] = "/";
  unsigned long long a = 0, b = 0;
  long after, count;
  __attribute__((cleanup(leave))) int entered = enter();
  if (sscanf(line, "cut %llu", &a) == 1) {
    struct cut_report report = image_cut(a);
    is_off = true;
    snprintf(answer, size, "ok changes=%zu sectors_lost=%zu names_lost=%zu", report.changes, report.sectors_lost,
             report.names_lost);
  } else if (strcmp(line, "on") == 0) {
    is_off = false;
    snprintf(answer, size, "ok");
  } else if (sscanf(line, "fail %15s %ld %ld", kind, &after, &count) == 3) {
    struct failure *failure = strcmp(kind, "fsync") == 0      ? &fail_sync
                              : strcmp(kind, "fsyncdir") == 0 ? &fail_sync_names
                              : strcmp(kind, "write") == 0    ? &fail_write
                              : strcmp(kind, "read") == 0     ? &fail_read
                                                              : NULL;
    if (failure != NULL) *failure = (struct failure){.after = after, .count = count};
    snprintf(answer, size, failure == NULL ? "error what fails?" : "ok");
  } else if (strcmp(line, "heal") == 0) {
    fail_sync = fail_sync_names = fail_write = fail_read = (struct failure){0};
    snprintf(answer, size, "ok");
  } else if (sscanf(line, "evict %llu", &a) == 1) {
    snprintf(answer, size, "ok pages=%zu", image_evict(a));
  } else if (sscanf(line, "space %llu", &a) == 1) {
    total_bytes = a == 0 ? DEFAULT_TOTAL_BYTES : a;
    snprintf(answer, size, "ok");
  } else if (sscanf(line, "others %llu", &a) == 1) {
    others_bytes = a;
    snprintf(answer, size, "ok");
  } else if (sscanf(line, "readonly %llu", &a) == 1) {
    is_read_only = a != 0;
    snprintf(answer, size, "ok");
  } else if (sscanf(line, "rot %llu %llu %511s", &a, &b, path) >= 2) {
    snprintf(answer, size, "ok flips=%zu", image_rot(a, (size_t)b, path));
  } else if (strcmp(line, "figures") == 0) {
    snprintf(answer, size, "ok fsyncs=%llu writes=%llu written=%llu failed=%llu used=%llu",
             (unsigned long long)sync_count, (unsigned long long)write_count, (unsigned long long)written_bytes,
             (unsigned long long)failed_count, (unsigned long long)image_used());
  } else snprintf(answer, size, "error unknown command");
}

static void *serve(void *argument) {
  int listener = *(int *)argument;
  for (;;) {
    int client = accept(listener, NULL, NULL);
    if (client < 0) continue;
    FILE *stream = fdopen(client, "r+");
    char line[1024], answer[512];
    while (fgets(line, sizeof line, stream) != NULL) {
      line[strcspn(line, "\n")] = '\0';
      command(line, answer, sizeof answer);
      /* Between reading and writing a stream wants to be told. */
      fseek(stream, 0, SEEK_CUR);
      fprintf(stream, "%s\n", answer);
      fflush(stream);
    }
    fclose(stream);
  }
  return NULL;
}

int main(int count, char **arguments) {
  if (count != 3) {
    fprintf(stderr, "usage: faultfs CONTROL-SOCKET MOUNT-POINT\n");
    return 2;
  }
  image_init();
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, arguments[1], sizeof address.sun_path - 1);
  static int listener;
  listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 8) != 0) {
    perror(arguments[1]);
    return 1;
  }
  pthread_t thread;
  pthread_create(&thread, NULL, serve, &listener);
  char *mount[] = {arguments[0], "-f", "-s", arguments[2]};
  return fuse_main(4, mount, &operations, NULL);
}
